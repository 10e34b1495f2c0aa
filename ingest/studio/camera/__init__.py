"""A simulated camera: pose, motion, exposure, white balance, noise.

In: a seed and a profile. Out: matrices and pictures. Files: `profiles`, `camera`.
"""
