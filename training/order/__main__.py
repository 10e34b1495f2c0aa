"""``python -m training.order -o FOLDER``: trains the order network on studio paintings and, if
given, on the shards of datasets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from json import loads
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor
from torch.nn import functional

from ingest.conventions.cli import JsonOption, new_app, run_app, write_result
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import sha256
from training.order.examples import (
    LABELS_VERSION,
    Example,
    dataset_examples,
    stored_studio_example,
)
from training.order.labels import NO_WORD
from training.order.measure import order_agreement, word_accuracy
from training.order.network import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    OrderNetwork,
    OrderPredictor,
    load_order,
)

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
LEARNING_RATE, FINE_TUNING_RATE = 1.5e-3, 2e-4
"""Highest learning rate, from nothing and from trained weights."""
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
    initial: Annotated[
        Path | None, typer.Option(help="Go on from this order folder, e.g. weights/order")
    ] = None,
    cache: Annotated[
        Path, typer.Option(help="Folder of painted pictures; a rerun goes on from there")
    ] = Path("out/order"),
    json: JsonOption = None,
) -> None:
    """Train, measure on paintings that are held out, and write the folder.

    Held out are 40 paintings of the studio; without --studio the datasets' val splits. A folder
    that was trained alike is left as it is.
    """
    start, places = time.perf_counter(), datasets or []
    identity = _identity(places, initial, studio, epochs, seed)
    if _trained_before(out, identity):
        print(f"{out} was trained with the same settings and data: left as it is")
        return
    begun = None if initial is None else load_order(initial)
    vocabulary = VOCABULARY if begun is None else begun.vocabulary
    trained, held_out = _all_examples(places, studio, cache, vocabulary)
    before = {} if begun is None else {"before": measured(begun, held_out)}
    network = train(trained, epochs, seed, vocabulary, None if begun is None else begun.network)
    predictor = OrderPredictor(network, vocabulary)
    result: dict[str, Any] = {
        "pictures": len(trained), "studio": studio, "epochs": epochs, "seed": seed,
        "held_out": len(held_out), **measured(predictor, held_out), **before,
        "identity": identity, "seconds": round(time.perf_counter() - start),
    }  # fmt: skip
    predictor.save(out, {"training": result})
    print(" ".join(f"{key} {value}" for key, value in result.items()), f"-> {out}")
    write_result(json, result)


def _all_examples(
    datasets: Sequence[Path], studio: int, cache: Path, vocabulary: Sequence[str]
) -> tuple[list[Example], list[Example]]:
    """Examples to train on, and those that are held out."""
    start = time.perf_counter()
    held_seeds = range(FIRST_SEED, FIRST_SEED + HELD_OUT if studio else FIRST_SEED)
    held_out = [stored_studio_example(cache, n, vocabulary, False) for n in held_seeds]
    for dataset in () if studio else datasets:
        held_out += dataset_examples(dataset, "val", vocabulary)
    trained: list[Example] = []
    for number in range(studio):
        painted_seed = FIRST_SEED + HELD_OUT + number
        trained.append(stored_studio_example(cache, painted_seed, vocabulary, True))
        if (number + 1) % 25 == 0:
            seconds = time.perf_counter() - start
            print(f"painted {number + 1} of {studio}, {seconds:.0f} s", flush=True)
    for dataset in datasets:
        trained += dataset_examples(dataset, "train", vocabulary)
    if not trained:
        raise UserError("there is nothing to train on: give datasets, or --studio above 0")
    return trained, held_out


def _identity(
    datasets: Sequence[Path], initial: Path | None, studio: int, epochs: int, seed: int
) -> str:
    """Hash of all that the weights depend on: settings, shards, and the weights to go on from."""
    files = [Dataset(dataset).index_json for dataset in datasets]
    files += [] if initial is None else [initial / WEIGHTS_FILE]
    digests = [sha256(file.read_bytes()) for file in files if file.is_file()]
    return sha256(repr((LABELS_VERSION, VOCABULARY, studio, epochs, seed, digests)).encode())[:16]


def _trained_before(out: Path, identity: str) -> bool:
    try:
        record = loads((out / SETTINGS_FILE).read_text(encoding="utf-8"))
        return record["training"]["identity"] == identity and (out / WEIGHTS_FILE).is_file()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def train(
    examples: Sequence[Example],
    epochs: int,
    seed: int,
    vocabulary: Sequence[str] = VOCABULARY,
    initial: OrderNetwork | None = None,
) -> OrderNetwork:
    """A network trained on all examples; deterministic on one machine.

    Args:
        initial: goes on from it, and is changed; None for a new one.
    """
    torch.manual_seed(seed)
    network = (OrderNetwork(len(vocabulary)) if initial is None else initial).train()
    rate = LEARNING_RATE if initial is None else FINE_TUNING_RATE
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.05)
    total = max(2, -(-epochs * len(examples) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=total)
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
    """Four times the mean absolute error of both times, plus the weighted cross entropy of the
    words."""
    places = torch.from_numpy(example.places).float()[None]
    time_label = torch.from_numpy(np.stack([example.labels.first, example.labels.last]))[None]
    word_label = torch.from_numpy(example.labels.word)[None]
    if flipped:
        places, time_label, word_label = (t.flip(-1) for t in (places, time_label, word_label))
        # The x channel says where a place is, so it is not mirrored with the others.
        places[:, -2] = places[:, -2].flip(-1)
    times, words = network(places)
    loss = 4 * (times - time_label).abs().mean()
    if (word_label != NO_WORD).any():
        entropy = functional.cross_entropy(words, word_label, ignore_index=NO_WORD)
        loss = loss + WORD_WEIGHT * entropy
    return loss


def measured(predictor: OrderPredictor, examples: Sequence[Example]) -> dict[str, float]:
    """Figures on examples: word accuracy, mean tau of the order of things, pairs in order; what no
    example can tell is left out."""
    agreements, words = [], []
    for example in examples:
        with torch.inference_mode():
            times, logits = predictor.network(torch.from_numpy(example.places).float()[None])
        words.append(logits[0].argmax(dim=0).numpy())
        agreement = order_agreement(times[0, 1].numpy(), example.labels)
        if agreement is not None:
            agreements.append(agreement)
    labels = [example.labels for example in examples]
    result: dict[str, float] = {}
    if any((label.word != NO_WORD).any() for label in labels):
        result["word_accuracy"] = round(word_accuracy(words, labels), 3)
    if agreements:
        tau, pairs = np.mean(agreements, axis=0)
        result |= {"tau": round(float(tau), 3), "pairs_in_order": round(float(pairs), 3)}
    return result


if __name__ == "__main__":
    run_app(app)
