"""Renders a film: canvas, hands, table and light.

In: a seed and a config. Out: an mp4. `film_setup` draws all that is filmed: `room`, `props`,
`hand` (drawn from `limbs`), `cards`, `cutaway`, `reframe`, `overlay`, `talker`. `film` films it,
`encode` writes the file.
"""
