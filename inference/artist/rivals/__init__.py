"""The painters that the paper is compared with, as artists of the rollout.

In: a rival folder (`training/rivals/`) and a picture. Out: an artist, its first canvas, frames and
seconds a frame. Files, in the order of use: `rivals` (finds a folder and starts its rival),
`rival` (what every rival gets and gives), and a file for each rival.
"""
