"""Calibrates the built-in labeler's confidence on kinds of paintings that it was not fitted to.

``python -m labeling.instructions.rule_calibration fit`` prints the coefficients for
`labeling.instructions.rule_confidence`, from landscapes, portraits and still lifes of the studio.
``heldout`` prints how well confidence and accuracy agree on a kind that took no part in this
either: each kind is left out in turn.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ingest.conventions.cli import JsonOption, new_app, run_app, write_result

SUBJECTS = ("landscape", "portrait", "still_life")
"""Kinds of paintings; prototypes are fitted to the first one."""
WEIGHTS = {"landscape": 2.0, "portrait": 1.0, "still_life": 1.0}
"""How much the steps of a kind count in all."""
FIT_SEEDS = (100, 112)
"""First seed and end of the paintings that the coefficients are fitted to."""
TEST_SEEDS = (1000, 1012)
"""First seed and end of the paintings that they are tested on."""
RIDGE = 0.01
"""Penalty on the squared coefficients."""
NUM_NEWTON_STEPS = 50

app = new_app("Calibrate the built-in labeler's confidence on unknown kinds of paintings.")
SeedOption = Annotated[int, typer.Option(help="First seed of each kind")]
EndOption = Annotated[int, typer.Option(help="Seed after the last")]


@app.command()
def fit(start: SeedOption = FIT_SEEDS[0], end: EndOption = FIT_SEEDS[1]) -> None:
    """Print the coefficients of `calibrated`."""
    table = gather(start, end)
    print("COEFFICIENTS =", tuple(round(float(c), 2) for c in solve(table, SUBJECTS)))


@app.command()
def heldout(json: JsonOption = None) -> None:
    """Print the reliability on each kind when it takes no part in fit and calibration."""
    known, unknown = gather(*FIT_SEEDS), gather(*TEST_SEEDS)
    result: dict[str, Any] = {}
    for held in SUBJECTS[1:]:
        coefficients = solve(known, [name for name in SUBJECTS if name != held])
        result[held] = reliability(unknown[held], coefficients)
        _print(held, result[held])
    coefficients = solve(known, SUBJECTS)
    result["landscape"] = reliability(unknown["landscape"], coefficients)
    _print("landscape (fitted kind, other seeds)", result["landscape"])
    write_result(json, result)


def gather(start: int, end: int) -> dict[str, tuple[Any, Any]]:
    """By subject: what `inputs_of` gives, float64 (N, 4), and whether the labeler is right, bool
    (N,)."""
    import numpy as np

    from labeling.instructions.rule_confidence import inputs_of
    from labeling.instructions.rule_fit import distance_of, measured_steps
    from labeling.instructions.rule_labeler import RuleLabeler

    labeler, table = RuleLabeler(), {}
    for subject in SUBJECTS:
        inputs, right = [], []
        for step in measured_steps(start, end, subject):
            if step.measures is not None:
                word, share, distance = labeler.likeliest(step.measures)
                inputs.append(inputs_of(share, distance, distance_of(step)))
                right.append(word == step.word)
        table[subject] = (np.array(inputs), np.array(right))
    return table


def solve(table: dict[str, tuple[Any, Any]], subjects: Any) -> Any:
    """Coefficients (4,) of the logistic regression over some subjects, by Newton's method."""
    import numpy as np

    inputs = np.concatenate([table[name][0] for name in subjects])
    right = np.concatenate([table[name][1] for name in subjects]).astype(float)
    counts = [len(table[name][1]) for name in subjects]
    weights = np.concatenate(
        [np.full(n, WEIGHTS[name] / n) for n, name in zip(counts, subjects, strict=True)]
    )
    weights *= len(right) / weights.sum()
    found = np.zeros(inputs.shape[1])
    for _ in range(NUM_NEWTON_STEPS):
        guess = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weights * (right - guess)) - RIDGE * found
        curvature = (inputs * (weights * guess * (1 - guess))[:, None]).T @ inputs
        found += np.linalg.solve(curvature + RIDGE * np.eye(len(found)), slope)
    return found


def reliability(rows: tuple[Any, Any], coefficients: Any) -> dict[str, Any]:
    """Mean confidence, accuracy, expected calibration error over five bins, and the bins."""
    import numpy as np

    inputs, right = rows
    confidence, share = 1 / (1 + np.exp(-inputs @ coefficients)), 1 / (1 + np.exp(-inputs[:, 1]))
    bins, error, share_error = [], 0.0, 0.0
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = (confidence >= low) & (confidence < low + 0.2)
        if chosen.any():
            mean, accuracy = float(confidence[chosen].mean()), float(right[chosen].mean())
            error += float(chosen.mean()) * abs(mean - accuracy)
            bins.append({"from": low, "steps": int(chosen.sum()), "confidence": round(mean, 2),
                         "right": round(accuracy, 2)})  # fmt: skip
        before = (share >= low) & (share < low + 0.2)
        if before.any():
            gap = abs(float(share[before].mean()) - float(right[before].mean()))
            share_error += float(before.mean()) * gap
    return {
        "steps": len(right), "right": float(right.mean()), "confidence": float(confidence.mean()),
        "calibration_error": error, "share": float(share.mean()), "share_error": share_error,
        "bins": bins,
    }  # fmt: skip


def _print(name: str, found: dict[str, Any]) -> None:
    print(f"{name}: {found['steps']} steps, {found['right']:.0%} right, mean confidence "
          f"{found['confidence']:.2f} (error {found['calibration_error']:.2f}); share alone "
          f"{found['share']:.2f} (error {found['share_error']:.2f})")  # fmt: skip
    for row in found["bins"]:
        print(f"  from {row['from']:.1f}: {row['steps']} steps, "
              f"confidence {row['confidence']:.2f}, {row['right']:.0%} right")  # fmt: skip


if __name__ == "__main__":
    run_app(app)
