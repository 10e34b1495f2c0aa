"""`report.html`: one page on the outcome of ingest. It opens offline and stays under 20 MB.

In: a dataset folder. Out: the page. Files: `selection` (counts, videos to show), `pictures` (data
URIs), `timeline` (fates of a video's frames), `cards` (one video), `near_duplicates` (groups),
`page` (writes the page from `page.html.j2`, `page.css` and `page.js`).
"""
