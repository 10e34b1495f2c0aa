"""Timecraft (Zhao et al. 2020), made anew from facts: a sampler of the next canvas in 50 px crops.

In: its published ``.h5`` file, or shards. Out: a rival folder. Files, in the order of use:
`network` (the next canvas from picture, canvas and a random latent), `settings` (the rival folder),
`published` (reads the ``.h5``), `processes` (crops of shards), `learners` and `losses` (encoder,
critic, and what is trained by), `trainer` (steps), `train` (the run), `command`.
"""
