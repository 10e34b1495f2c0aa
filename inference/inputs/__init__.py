"""Reads pictures and lists the paintings to make.

In: paths of files and folders. Out: pictures, RGB uint8 (H, W, 3), and jobs. Files: `picture`
(reads any picture file), `jobs` (pictures times seeds).
"""
