"""``python -m training.rivals import NAME FILE -o FOLDER`` makes a rival folder of published
weights, ``python -m training.rivals train NAME DATASET -o FOLDER`` trains one."""

from __future__ import annotations

from ingest.conventions.cli import new_app, run_app
from training.rivals.paint_transformer.command import import_paint_transformer, train_by_strokes
from training.rivals.timecraft.command import import_timecraft, train_by_shards

app = new_app("Make folders of the painters that the paper is compared with.")
importing = new_app("Make a rival folder of weights that its authors published.")
training = new_app("Train a rival on the shards of a dataset.")
app.add_typer(importing, name="import")
app.add_typer(training, name="train")
importing.command("timecraft")(import_timecraft)
training.command("timecraft")(train_by_shards)
importing.command("paint_transformer")(import_paint_transformer)
training.command("paint_transformer")(train_by_strokes)

if __name__ == "__main__":
    run_app(app)
