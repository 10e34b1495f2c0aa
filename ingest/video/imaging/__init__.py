"""Picture maths that knows nothing of painting.

In and out: arrays. Files: `geometry` (homographies), `difference` (pictures that differ),
`colour_distance` (over a pyramid), `median`, `usual` (the most lasting colour),
`connected_components`, `fill`.
"""
