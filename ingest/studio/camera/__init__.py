"""How a film is taken: the profiles of a corpus, and what lens, sensor and light do to a picture.

In: a seed and a profile. Out: matrices and pictures. Files: `profiles`, `camera`.
"""
