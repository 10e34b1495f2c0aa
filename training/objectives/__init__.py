"""The training objectives: one file per network with its config and its loss.

In: parts of a painter and a batch. Out: a loss. `text` (instructions, LLaVA with LoRA), `mask`
(regions, paper section 3.2), `renderer` (the next canvas, section 3.3).
"""
