"""The painting loop, without networks: instruction, region, next canvas, until the stop rule ends
it.

In: an `Artist`, a `CanvasMetric`, a target. Out: steps. Files: `region`, `stop` and `finish`
(rules), `steps` (data and protocols), `artist_requests`, `steering` (actions of a person),
`rollout_state`, `lpips_metric`, `rollout`.
"""
