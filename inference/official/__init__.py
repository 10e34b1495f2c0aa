"""Imports the checkpoints of the paper's authors and reproduces how their release paints.

In: the authors' files. Out: a painter folder, and an `Artist` that repeats the release. Files:
`sizes`, `checkpoint`, `llava` and `import_checkpoints` (import); `resizing`, `language`, `noise`,
`sampling`, `artist`, `unoptimized_artist` (painting).
"""
