"""Canvas, hands, table and light on film.

In: a performance and a script. Out: an mp4. `stage` sets up all that is filmed: `room`, `props`,
`hand` (drawn from `limbs`), `cards`, `cutaway`, `reframe`, `overlay`, `talker`. `film` films it,
`encode` writes the file.
"""
