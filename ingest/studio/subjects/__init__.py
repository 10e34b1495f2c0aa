"""How each thing is painted: one file a kind of thing.

In: a scene and a brush. Out: strokes. `painter` holds the brush; `forms`, `buildings` and `land`
are used by others; landscapes, portraits and still lifes are the rest.
"""
