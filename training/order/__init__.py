"""Learns when and as what each place of a picture is painted, from the picture alone.

In: processes (studio paintings, or shards). Out: `weights/order/`. Files, in the order of use:
`labels` (when each place was painted last, and its word), `examples` (pictures with labels, as
tokens), `network` (the network and its folder), `measure` (order and words on held-out pictures),
`__main__` (the command that trains).
"""
