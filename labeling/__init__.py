"""Keyframes in; instructions, region masks, human corrections and training shards out.

Run it from the repository root: ``python -m labeling regions|instructions|review|shards DATASET``.
"""
