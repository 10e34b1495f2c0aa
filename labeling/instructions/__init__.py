"""What is painted in each step, in one or two words.

In: pairs of canvases. Out: a table with an instruction and a confidence a pair. Files: `wording`,
`answers` (the `Labeler` protocol), `rule_labeler` (with `rule_fit`), `llava` (with `prompts`,
`prompt_prefix`, `weights_name`), `endpoint` (a model behind a server), `labelers` (the choice),
`work` and `actor_work` (many pairs), `table` (on disk).
"""
