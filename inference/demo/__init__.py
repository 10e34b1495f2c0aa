"""`python -m inference.demo`: every stage on films of our own making, then one page that shows it
all.

In: a seed. Out: `report.html` and all that it shows. Files: `stages` (the commands), `report` (the
page), `__main__`.
"""
