"""One source in, its keyframes and its outcome out.

`row_function` does one source and never raises for a bad one. It calls `video_to_keyframes` (the
stages of `ingest/video` in their order) or `pictures_to_keyframes` (keyframes that exist already).
`frame_fates` says what became of every frame. `guarded` runs it in a process with limits.
"""
