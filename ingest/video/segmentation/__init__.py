"""The optional pretrained segmenter, and captions.

In: pictures RGB uint8 (h, w, 3). Out: corners of the canvas, masks of occluders. Files: `segmenter`
(interface and config), `grounded_segmenter` (Grounding DINO and SAM), `ray_segmenter` (in Ray
actors), `relayed_segmenter` (in the process of one video), `shot_segmentation` (canvas and
occluders of a shot), `captions` (text that was edited in; it needs no network).
"""
