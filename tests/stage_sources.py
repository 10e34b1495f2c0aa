"""Ties each stage's algorithm version to its source (``python -m tests.stage_sources --accept``).

`identity()` decides whether work is done again. It hashes the config and the versions below, not
the source. So `stage_sources.json` holds, for each stage, its version and a hash of its source; a
test fails when the source changes and the record does not.

- The change alters what the stage writes: raise its version, then run with ``--accept``.
- The change alters no byte (names, speed, comments of the code): run with ``--accept``.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tokenize
from pathlib import Path

from ingest.video.versions import STAGE_VERSIONS
from labeling.instructions.rule_labeler import RULE_VERSION
from labeling.regions.regions import REGIONS_VERSION
from labeling.shards.plan import SHARDS_VERSION

ROOT = Path(__file__).resolve().parents[1]
RECORD = Path(__file__).with_name("stage_sources.json")
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
"""Tokens that say nothing of what the code computes."""


def stages() -> dict[str, tuple[int, list[Path]]]:
    """Version and source files of each stage, by the stage's name."""
    video = ROOT / "ingest" / "video"
    chain = [video / "analysis.py", video / "keyframe_extraction.py"]
    found = {
        f"ingest.{name}": (version, sorted((video / name).rglob("*.py")) or chain)
        for name, version in STAGE_VERSIONS.items()
    }
    labeling = ROOT / "labeling"
    rules = [
        labeling / "instructions" / name
        for name in ("rule_labeler.py", "rule_confidence.py", "normalisation.py")
    ]
    shards = [labeling / "shards" / name for name in ("plan.py", "write.py")]
    return found | {
        "labeling.regions": (REGIONS_VERSION, sorted((labeling / "regions").glob("*.py"))),
        "labeling.instructions.rule": (RULE_VERSION, rules),
        "labeling.shards": (SHARDS_VERSION, shards),
    }


def source_hash(paths: list[Path]) -> str:
    """Twelve hex digits of the code in files, less comments, docstrings and layout."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0{_code(path.read_text(encoding='utf-8'))}\0".encode())
    return digest.hexdigest()[:12]


def _code(text: str) -> str:
    kept, starts_statement = [], True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in LAYOUT:
            starts_statement = starts_statement or token.type == tokenize.NEWLINE
            continue
        # A string that begins a statement is a docstring.
        if not (starts_statement and token.type == tokenize.STRING):
            kept.append(token.string)
        starts_statement = False
    return "".join(kept)


def recorded() -> dict[str, dict[str, int | str]]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def current() -> dict[str, dict[str, int | str]]:
    return {
        name: {"version": version, "source": source_hash(paths)}
        for name, (version, paths) in stages().items()
    }


if __name__ == "__main__":
    if "--accept" not in sys.argv:
        sys.exit(__doc__)
    RECORD.write_text(json.dumps(current(), indent=2) + "\n", encoding="utf-8")
