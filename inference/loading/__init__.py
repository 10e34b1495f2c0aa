"""Parts of a painter from their folder to a device.

In: a painter folder and the switches of `memory_config`. Out: networks, ready to be called. Files:
`part_loading`, `packing` (layouts for the CPU), `offload` (networks that take turns).
"""
