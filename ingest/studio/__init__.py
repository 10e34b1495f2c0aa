"""A synthetic painter and its camera: footage whose every truth is known.

`planner` decides what a seed paints, `canvas` paints it stroke by stroke, `film` films it and
`truth` tells what really happened. numpy, OpenCV and PyAV only. docs/studio.md describes it all.
"""
