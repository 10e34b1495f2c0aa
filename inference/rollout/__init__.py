"""The loop that paints: what comes next, where, and when it is finished. It knows no network.

In: an `Artist` and a `Judge`. Out: steps. Files: `region`, `stop` and `finish` (rules), `steps`
(the protocols), `asks` and `proposal` (what an artist is asked), `steering` (what a person says),
`measure`, `rollout`.
"""
