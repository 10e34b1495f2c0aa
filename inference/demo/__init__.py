"""`python -m inference.demo`: runs every stage on synthetic films and writes one page about it.

In: a seed. Out: `report.html` and the outputs of all stages. Files: `stages` (the commands),
`report` (the page), `__main__`.
"""
