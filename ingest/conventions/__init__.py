"""What all four packages share: config, command line, errors, files.

In: a section of `pipelines.yaml` and the words of a command. Out: a frozen, checked config,
one-line errors and exit codes. Files: `errors`, `atomic` (whole files or none), `config`, `cli`,
and `torchvision_operators`, which makes torchvision importable beside a CPU build of torch.
"""
