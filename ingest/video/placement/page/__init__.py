"""Where the canvas is in every frame of a video without a static table, from its page outline.

In: frames with poses and the page outlines in them. Out: `Placement`. `page_tracking` does it; it
calls `clips` (a few frames each), `outline_chain` (which outlines are the canvas),
`neighbour_search`, `paint_alignment`, `segment_outlines` (one outline per segment), `three_sides`
and `partial_views` (canvas never entirely in view) and `outline_vote` (one outline for all).
"""
