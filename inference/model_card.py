"""The model card of a painter: `README.md` beside its index, as the hub shows it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ingest.conventions.atomic import write_bytes
from training.painter.folder import PainterSettings

CARD_FILE = "README.md"
TO_FILL_IN = "[to be filled in]"
"""What only the person who publishes a painter knows: sources and licences of the footage."""


def write_model_card(folder: Path, settings: PainterSettings) -> None:
    """Write `README.md`; one that is there already is kept, for people fill it in."""
    if not (folder / CARD_FILE).exists():
        write_bytes(folder / CARD_FILE, model_card(settings).encode())


def model_card(settings: PainterSettings) -> str:
    """Markdown with the hub's metadata in front. What training wrote into `painter.json` is quoted;
    fields that it cannot know say so."""
    preset = settings.preset
    metadata = {
        "library_name": "diffusers",
        "pipeline_tag": "image-to-video",
        "tags": ["inverse-painting", "diffusers", f"preset-{preset.name}"],
    }
    thresholds = ", ".join(f"{value:g}" for value in settings.mask_thresholds)
    guidance = ", ".join(f"{name} {scale:g}" for name, scale in settings.guidance.items())
    provenance = json.dumps(settings.provenance, indent=2, ensure_ascii=False, sort_keys=True)
    # Indented, so that nothing in a dataset's name is read as markup.
    quoted = "\n".join(f"    {line}" for line in provenance.splitlines())
    return f"""---
{yaml.safe_dump(metadata, sort_keys=False)}---
# A painter of the {preset.name} preset

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

## Use

```python
from inference.pipeline import InversePaintingPipeline

pipeline = InversePaintingPipeline.from_pretrained("FOLDER_OR_HUB_NAME")
for step in pipeline.paint(picture):  # RGB uint8 (H, W, 3), or a PIL image
    print(step.instruction.text, step.region.area)
```

or `python -m inference paint PICTURE -o OUT --painter FOLDER_OR_HUB_NAME`.

## Training data

- Footage, and who agreed to its use: {TO_FILL_IN}
- Licence of the footage: {TO_FILL_IN}

As its training recorded it:

{quoted}

## Licence

- Of these weights: {TO_FILL_IN} (name it as `license:` at the top, too)
- Of weights that they started from: {TO_FILL_IN}

## Limits

- Measured quality, on which paintings: {TO_FILL_IN}
- Styles and media that it has not seen: {TO_FILL_IN}
"""
