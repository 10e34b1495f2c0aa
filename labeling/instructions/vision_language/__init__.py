"""Vision-language models as labelers.

In: pictures of a pair and a question. Out: words with their probability. Files: `prompts` (the
questions), `weights_name` (the name of a model in tables), `prompt_prefix` (the shared beginning of
a prompt, computed once), `instruction_model` (a LLaVA with its processor), `llava` (it as a
labeler), `endpoint` (a model behind a server).
"""
