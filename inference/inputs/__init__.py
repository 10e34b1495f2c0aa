"""What is to be painted.

In: names of files and folders. Out: pictures, RGB uint8 (H, W, 3), and jobs. Files: `picture` (any
picture file), `jobs` (pictures times seeds).
"""
