"""Names what is painted in each step, in one or two words.

In: pairs of canvases. Out: a table with an instruction and a confidence for each pair. Files:
`normalisation` (any words to an instruction), `labeler` (the protocol), `rule_labeler` and
`rule_confidence` (built in; made by `rule_fit`, `rule_calibration`), `vision_language/` (LLaVA or
a server), `labeler_factory` (the choice: add a new labeler here), `table` (on disk),
`batch_labeling` and `actor_labeling` (many videos).
"""
