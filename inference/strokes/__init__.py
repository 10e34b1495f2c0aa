"""Brush strokes: what a canvas between bare and finished is made of.

In: a picture, a region and a brush. Out: strokes as data, and the canvas after them. Files, in the
order of their use: `medium` (brushes of oil, watercolour ...), `brushwork` (paints a part of a
region), `direction` (where strokes run), `fill` (colours of a region), `placement` (strokes of one
brush), `textures`, `rasteriser` (draws strokes), `underdrawing`, `strokes` (the data).
"""
