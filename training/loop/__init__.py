"""The one training loop, for any objective, on one process or several.

In: an objective and a stream of batches. Out: checkpoints. Files: `objective` (the protocol),
`config`, `ranks` (processes), `loss_module` (one forward pass), `optimizer`, `checkpoint`,
`run_log`, `contact_sheet`, `trainer` (the state of a run), `loop`.
"""
