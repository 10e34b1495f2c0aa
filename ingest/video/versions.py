"""Algorithm versions of the stages of a video: what was made by an older one is made again.

They are part of `ingest.settings.identity`. `tests/stage_sources.py` ties each to the source of its
folder, so that a change of code is never overlooked.
"""

from __future__ import annotations

STAGE_VERSIONS = {
    "decoding": 3,
    "imaging": 1,
    "lighting": 1,
    "canvas": 1,
    "segmentation": 1,
    "registration": 2,
    "placement": 1,
    "occlusion": 1,
    "keyframes": 1,
    "extraction": 1,
}
"""Version of each folder of `ingest.video`, and of the two files that chain them (`extraction`);
raised when it writes other bytes."""
