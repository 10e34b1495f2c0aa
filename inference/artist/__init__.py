"""The `Artist` of the rollout that answers with the networks of a painter.

In: a painter and a finished picture. Out: instruction, region and next canvas of each step. Files:
`canvas_transform` (sizes), `guidance`, `sampling`, `guided_filter` and `detail` (full size),
`painting_state` (one painting), `batched_artists` (a batch of paintings), `artist`,
`batched_rollouts` (rollouts in lockstep).
"""
