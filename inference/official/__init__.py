"""The release of the paper's authors: its checkpoints read, its way of working reproduced.

In: the authors' files. Out: a painter folder, and an `Artist` that works as the release does.
Files: `sizes`, `checkpoint`, `llava` and `import_checkpoints` (files); `framing`, `language`,
`noise`, `sampling`, `artist`, `release_order` (at work).
"""
