"""A trained painter at work: the `Artist` of the rollout.

In: a painter and a finished picture. Out: instruction, region and next canvas of each step. Files:
`framing` (sizes), `guidance`, `sampling`, `edges` and `detail` (full size), `crew` (one batch of
artists), `artist`, `lockstep` (several paintings in one batch).
"""
