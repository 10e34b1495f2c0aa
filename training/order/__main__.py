"""``python -m training.order -o FOLDER``: trains the order network on studio paintings and, if
given, on the shards of datasets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor
from torch.nn import functional

from ingest.conventions.cli import JsonOption, new_app, run_app, write_result
from ingest.conventions.errors import UserError
from training.order.examples import Example, dataset_examples, stored_studio_example
from training.order.labels import NO_WORD
from training.order.measure import order_agreement, word_accuracy
from training.order.network import OrderNetwork, OrderPredictor

VOCABULARY = (
    "sky", "cloud", "sun", "moon", "mountain", "hill", "water", "ground", "path", "field", "grass",
    "bush", "tree", "flower", "house", "rock", "boat", "background", "figure", "face", "hair",
    "eye", "mouth", "hand", "table", "cloth", "shadow", "vase", "fruit", "bird", "fence",
    "reflection",
)  # fmt: skip
"""Words of places."""
HELD_OUT = 40
"""Studio paintings that are never trained on; their seeds come first."""
FIRST_SEED = 700_000
"""First seed of the studio's paintings, far from those of films."""
BATCH = 4
"""Pictures whose gradients are added up; they have different sizes."""
WORD_WEIGHT = 0.5
"""Weight of the words' cross entropy beside the time's absolute error (times 4)."""

app = new_app("Learn when and as what each place of a picture is painted.")


@app.command()
def main(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="FOLDER")],
    datasets: Annotated[
        list[Path] | None, typer.Argument(help="Datasets with shards to learn from too")
    ] = None,
    studio: Annotated[int, typer.Option(help="Studio paintings to train on", min=0)] = 400,
    epochs: Annotated[int, typer.Option(help="Passes over all pictures", min=1)] = 40,
    seed: Annotated[int, typer.Option(help="Of weights and sample order")] = 0,
    cache: Annotated[
        Path, typer.Option(help="Folder of painted pictures; a rerun goes on from there")
    ] = Path("out/order"),
    json: JsonOption = None,
) -> None:
    """Train, measure on held-out studio paintings, and write the folder."""
    start = time.perf_counter()
    held_seeds = range(FIRST_SEED, FIRST_SEED + HELD_OUT)
    held_out = [stored_studio_example(cache, n, VOCABULARY, False) for n in held_seeds]
    trained: list[Example] = []
    for number in range(studio):
        painted_seed = FIRST_SEED + HELD_OUT + number
        trained.append(stored_studio_example(cache, painted_seed, VOCABULARY, True))
        if (number + 1) % 25 == 0:
            seconds = time.perf_counter() - start
            print(f"painted {number + 1} of {studio}, {seconds:.0f} s", flush=True)
    for dataset in datasets or ():
        trained += dataset_examples(dataset, "train", VOCABULARY)
    if not trained:
        raise UserError("there is nothing to train on: give datasets, or --studio above 0")
    network = train(trained, epochs, seed)
    predictor = OrderPredictor(network, VOCABULARY)
    result: dict[str, Any] = {
        "pictures": len(trained), "studio": studio, "epochs": epochs, "seed": seed,
        **measured(predictor, held_out), "seconds": round(time.perf_counter() - start),
    }  # fmt: skip
    predictor.save(out, {"training": result})
    print(" ".join(f"{key} {value}" for key, value in result.items()), f"-> {out}")
    write_result(json, result)


def train(examples: Sequence[Example], epochs: int, seed: int) -> OrderNetwork:
    """A network trained on all examples; deterministic on one machine."""
    torch.manual_seed(seed)
    network = OrderNetwork(len(VOCABULARY)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1.5e-3, weight_decay=0.05)
    total = max(2, epochs * len(examples) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total_steps=total)
    rng, seen = np.random.default_rng(seed), 0
    for epoch in range(epochs):
        losses = []
        for index in rng.permutation(len(examples)):
            loss = example_loss(network, examples[index], flipped=bool(rng.random() < 0.5))
            (loss / BATCH).backward()
            losses.append(float(loss.detach()))
            seen += 1
            if seen % BATCH == 0:
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.4f}", flush=True)
    return network.eval()


def example_loss(network: OrderNetwork, example: Example, flipped: bool) -> Tensor:
    """Four times the absolute error of the time, plus the weighted cross entropy of the words."""
    places = torch.from_numpy(example.places).float()[None]
    time_label = torch.from_numpy(example.labels.time)[None]
    word_label = torch.from_numpy(example.labels.word)[None]
    if flipped:
        places, time_label, word_label = (t.flip(-1) for t in (places, time_label, word_label))
        # The x channel says where a place is, so it is not mirrored with the others.
        places[:, -2] = places[:, -2].flip(-1)
    time, words = network(places)
    loss = 4 * (time - time_label).abs().mean()
    if (word_label != NO_WORD).any():
        entropy = functional.cross_entropy(words, word_label, ignore_index=NO_WORD)
        loss = loss + WORD_WEIGHT * entropy
    return loss


def measured(predictor: OrderPredictor, examples: Sequence[Example]) -> dict[str, float]:
    """Figures on examples: word accuracy, mean tau of the order of things, pairs in order."""
    agreements, words = [], []
    for example in examples:
        with torch.inference_mode():
            time, logits = predictor.network(torch.from_numpy(example.places).float()[None])
        words.append(logits[0].argmax(dim=0).numpy())
        agreement = order_agreement(time[0].numpy(), example.labels)
        if agreement is not None:
            agreements.append(agreement)
    tau, pairs = np.mean(agreements, axis=0) if agreements else (float("nan"), float("nan"))
    return {
        "word_accuracy": round(word_accuracy(words, [e.labels for e in examples]), 3),
        "tau": round(float(tau), 3),
        "pairs_in_order": round(float(pairs), 3),
    }


if __name__ == "__main__":
    run_app(app)
