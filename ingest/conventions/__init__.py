"""Conventions of all four packages: config, command line, errors, atomic files.

In: a section of `pipelines.yaml` and the arguments of a command. Out: a frozen, validated config,
one-line errors and exit codes. Files: `errors`, `names`, `atomic`, `former_files`, `git_lfs`,
`config`, `unused_settings`, `cli`, and `torchvision_operators`, which makes torchvision importable
with a CPU build of torch.
"""
