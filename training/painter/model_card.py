"""Writes the model card of a painter folder: `README.md`, as the hub shows it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ingest.conventions.atomic import write_bytes
from training.painter.folder import PainterSettings

CARD_FILE = "README.md"
"""File of the model card in the painter folder."""
TO_FILL_IN = "[to be filled in]"
"""Text in place of facts that only the publisher knows: sources and licences of the footage."""
USE = """## Use

```python
from inference.pipeline import InversePaintingPipeline

pipeline = InversePaintingPipeline.from_pretrained("FOLDER_OR_HUB_NAME")
for step in pipeline.paint(picture):  # RGB uint8 (H, W, 3), or a PIL image
    print(step.instruction.text, step.region.area)
```

or `python -m inference paint PICTURE -o OUT --painter FOLDER_OR_HUB_NAME`.

"""
"""Section on usage."""
TERMS = f"""## Licence

- Of these weights: {TO_FILL_IN} (name it as `license:` at the top, too)
- Of weights that they started from: {TO_FILL_IN}

## Limits

- Measured quality, on which paintings: {TO_FILL_IN}
- Styles and media that it has not seen: {TO_FILL_IN}
"""
"""Sections on licences and limits, to be filled in."""


def write_model_card(folder: Path, settings: PainterSettings) -> None:
    """Write `README.md` if there is none: an existing card may have been filled in."""
    if not (folder / CARD_FILE).exists():
        write_bytes(folder / CARD_FILE, model_card(settings).encode())


def model_card(settings: PainterSettings) -> str:
    """The card as Markdown: the hub's metadata, settings, usage, training data, licence, limits.
    Facts that are not in `painter.json` read `TO_FILL_IN`."""
    return _metadata(settings) + _description(settings) + USE + _training_data(settings) + TERMS


def _metadata(settings: PainterSettings) -> str:
    """The hub's metadata: YAML between two lines of dashes."""
    metadata = {
        "library_name": "diffusers",
        "pipeline_tag": "image-to-video",
        "tags": ["inverse-painting", "diffusers", f"preset-{settings.preset.name}"],
    }
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False)}---\n"


def _description(settings: PainterSettings) -> str:
    """What a painter does, and a table of its settings."""
    preset = settings.preset
    thresholds = ", ".join(f"{value:g}" for value in settings.mask_thresholds)
    guidance = ", ".join(f"{name} {scale:g}" for name, scale in settings.guidance.items())
    return f"""# A painter of the {preset.name} preset

From a finished painting it makes a plausible time-lapse of how it was painted, step by step: what
is painted next (an instruction), where (a region), and how the canvas looks afterwards. The steps
are plausible, not what the painter really did.

| | |
|---|---|
| preset | {preset.name} |
| left out (ablations) | {", ".join(preset.without) or "nothing"} |
| short side of the canvas | {preset.image_side_px} px |
| one step stands for | {settings.interval_s:g} s |
| denoising steps of an update | {settings.num_steps} |
| mask thresholds | {thresholds} |
| guidance scales | {guidance or "1"} |

"""


def _training_data(settings: PainterSettings) -> str:
    """Footage, and the provenance that training recorded."""
    provenance = json.dumps(settings.provenance, indent=2, ensure_ascii=False, sort_keys=True)
    # Indented, so that nothing in a dataset's name is read as markup.
    quoted = "\n".join(f"    {line}" for line in provenance.splitlines())
    return f"""## Training data

- Footage, and who agreed to its use: {TO_FILL_IN}
- Licence of the footage: {TO_FILL_IN}

As its training recorded it:

{quoted}

"""
