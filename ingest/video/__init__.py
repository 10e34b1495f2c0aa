"""From the frames of one video to clean pictures of its canvas over time.

`keyframe_extraction` makes keyframes of what `analysis` finds. Both chain the stages below. Each
folder imports only from those after it: `keyframes`, `occlusion`, `placement`, `registration`,
`segmentation`, `canvas`, `lighting`, `decoding`, `imaging`.
"""
