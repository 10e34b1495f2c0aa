"""`report.html`: one page on what ingest did. It opens offline and stays under 20 MB.

In: a dataset folder. Out: the page. Files: `selection` (what is counted and shown), `pictures`,
`timeline` (a strip over a video's seconds), `cards` (one video), `near_duplicates`, `page`.
"""
