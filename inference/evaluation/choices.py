"""What the paper leaves open about its metrics, decided once, with the reason.

Sources: paper and supplement as cited in docs/evaluation.md.
"""

from __future__ import annotations

COMPARED_SIDE_PX = 512
"""Short side at which canvases are compared; smaller processes keep their size. The paper names no
resolution; 512 is the size of its networks. Painted canvases are scaled to the size of the real
ones."""

DIFFERENCE_THRESHOLD = 0.2
"""LPIPS above which a pixel counts as painted in a step: alpha of D(A, B, alpha), section 3.2."""

BARE_DISTANCE = 0.05
"""LPIPS from a canvas of one colour above which a first frame shows paint. A process whose first
frame shows paint begins with a white canvas at time 0, since every painting starts blank and the
first step is a step."""

SECONDS_PER_UNIT = 60.0
"""The distance curve counts time in minutes (section 4). That decides how time is weighed against
LPIPS in the warping cost: a minute counts as much as an LPIPS of 1."""

CURVE_POINTS = 101
"""Points of the distance curve over painting progress, from 0 to 1, for `curve_gap`."""

SMALLEST_THING = 0.01
"""Share of the canvas below which what a real step painted last is no thing whose place in the
order counts: steps that go over everything leave crumbs of earlier ones."""

ARRIVED_LEVELS = 16
"""A pixel has arrived when its largest channel is within this of the picture, of 255."""
LEFT_LEVELS = 32
"""An arrived pixel has gone away again when it differs from the picture by more than this; twice
the other limit, so that compression of real footage does not count."""

BOOTSTRAP_DRAWS = 10_000
"""Resamples of the paintings for an interval."""
CONFIDENCE = 0.95
"""Share of the resampled means inside an interval."""

CLIP_FRAMES = 16
"""Frames of the clip that FVD sees of a process, spread evenly over its painting time. 16 is what
FVD is usually computed on; the paper names neither number nor network."""
LEAST_CLIPS = 10
"""Processes from which an FVD is given. The paper has 29, far fewer than the 401 that a covariance
of 400 logits needs, so this only excludes values that are mostly chance."""

FRECHET_SIDE_PX = 224
"""Square that frames are scaled to before the backbone sees them, as for the published FD-DINOv2:
the picture's shape is not kept."""
