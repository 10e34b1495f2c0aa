"""The painting loop, without networks: instruction, region, next canvas, until it is finished.

In: an `Artist`, a `CanvasMetric`, a target. Out: steps. Files: `region` (what is painted next),
`stop` (when a painting is finished), `finish` (an optional last step that sets the target), `steps`
(data and protocols), `artist_requests`, `steering` (actions of a person), `rollout_state`,
`lpips_metric`, `rollout`.
"""
