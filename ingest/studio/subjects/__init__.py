"""Paints each kind of thing with strokes: one file a kind.

In: a scene and a `Painter`. Out: strokes. `painter` collects the strokes; `forms` fills round
shapes. Landscapes: `sky`, `mountains`, `land`, `water`, `trees`, `plants`, `buildings`, `house`.
Portraits: `sitter`, `portrait`, `hair`. Still lifes: `still_life`, `tabletop`.
"""
