"""Writes a painted session as files.

In: steps. Out: a session folder, film, frames, pages. Files: `session` (samples and record),
`frames`, `export` (mp4, GIF, frames), `contact_sheet`, `viewer` (a page that plays it).
"""
