"""One source in, its keyframes and its outcome out.

`row_function` ingests one source and never raises for a bad one. It calls `video_to_keyframes` (the
stages of `ingest/video` in their order) or `folder_to_keyframes` (keyframes that exist already).
`frame_fates` lists what became of every frame, `doubts` what a person should look at.
`isolated_row_function` runs it in a process with limits on time and memory.
"""
