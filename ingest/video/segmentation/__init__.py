"""What lies over the canvas: pretrained segmenters and captions.

In: pictures RGB uint8 (h, w, 3). Out: corners of the canvas, masks of occluders. Files:
`segmenter` (the protocol and its config), `grounded_segmenter` (Grounding DINO and SAM), `relay`
and `ray_segmenter` (where it runs), `segmenting` (how ingest uses it), `captions`.
"""
