"""A canvas that is followed by its own outline, from shot to shot, where no table is in view.

In: the page outlines of each shot. Out: `Placed`. `views` does it: `chain` (which outlines are one
canvas), `vote`, `fit`, `runs` (one outline for views that share coordinates), `three_sides` (a
side is out of view) and `added_views` (never whole in view).
"""
