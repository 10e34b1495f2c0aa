"""Lists all reasons for which a video is not kept or a frame is dropped, with their meanings."""

from __future__ import annotations

# The texts are shown in the report and on the console.
VIDEO_REASONS: dict[str, str] = {
    "missing": "the file or folder of the input is not there or cannot be read",
    "empty-file": "the file has no bytes",
    "unreadable": "no decoder can open it: not a video, or damaged from the start",
    "no-video-stream": "the file has sound or data but no pictures",
    "too-short": "fewer frames than a painting process needs (one picture, or cut off early)",
    "no-painting": "the canvas does not change: nothing is painted while we look",
    "revealed": "a finished picture is uncovered; nobody paints it",
    "canvas-lost": "the canvas is not in view, or cannot be followed, for long enough",
    "no-times": "a folder of pictures without times",
    "bad-times": "the times of a folder of pictures are damaged or do not fit the pictures",
    "bad-picture": "a picture of a keyframe folder cannot be read or has another size",
    "bad-name": "its name is no UTF-8 text, which no table of ours can hold",
    "bad-manifest-row": "the row of the manifest cannot be used",
    "duplicate": "the same bytes were given twice; the first one was taken",
    "no-rights": "it has no licence or no source, and --strict-rights was given",
    "purged": "it was taken out with `python -m ingest purge`",
    "no-size": "the server does not tell how large it is, so that a part could pass for the whole",
    "unreachable": "the store or network failed in every attempt; the next run tries again",
    "exception": "an error nobody foresaw: please report it with the detail",
    "worker-died": "the process that worked on it was killed (often: out of memory)",
    "timeout": "it took longer than ingest.run.timeout_s",
    "out-of-memory": "it took more memory than ingest.run.memory_mb",
}

FRAME_REASONS: dict[str, str] = {
    "other-shot": "shows another scene than the painting's main view (intro, palette, end card)",
    "not-registered": "lies among frames of the main view but could not be aligned to it",
    "before-painting": "precedes the first paint (title, finished picture shown first, idle)",
    "after-painting": "follows the last paint (drying, beauty shots, idle)",
    "covered": "most of the canvas is covered by a hand, a tool or a shadow",
    "unchanged": "shows nothing that the kept keyframes do not show",
}
