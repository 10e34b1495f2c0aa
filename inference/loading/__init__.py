"""Loads the parts of a painter from its folder onto a device.

In: a painter folder and the switches of `memory_config`. Out: networks, ready for use. Files:
`memory_config`, `part_loading`, `packing` (oneDNN layouts for the CPU), `offload` (one network on
the device at a time).
"""
