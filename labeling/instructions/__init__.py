"""Names what is painted in each step, in one or two words.

In: pairs of canvases. Out: a table with an instruction and a confidence for each pair. Files:
`normalisation`, `labeler` (the protocol), `rule_labeler` (fitted by `rule_fit`), `prompts`,
`prompt_prefix`, `weights_name`, `instruction_model`, `llava`, `endpoint` (a model behind a server),
`labeler_factory`, `table` (on disk), `batch_labeling` and `actor_labeling` (many videos).
"""
