"""Frames of a video with their real times.

In: a video file, or a folder of pictures with times. Out: frames RGB uint8 (h, w, 3) with seconds.
Files: `packets` (times, without decoding), `packet_decoding`, `frame_conversion` (upright, square
pixels, on white) and `display_colours` (HDR), `decode` (a video file, by PyAV), `decord_video` (by
decord), `image_sequence` (a folder of pictures), `open_footage` (the choice between them),
`frame_cache` (sampled frames in memory, so that none is decoded twice).
"""
