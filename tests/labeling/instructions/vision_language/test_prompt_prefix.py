"""A cached prompt prefix does not change the answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from labeling.instructions.vision_language.instruction_model import InstructionModel  # noqa: E402
from labeling.instructions.vision_language.prompt_prefix import PromptPrefix, prefix_tokens  # noqa: E402
from labeling.instructions.vision_language.prompts import INSTRUCT, pair_image  # noqa: E402
from training.networks.language import LanguageConfig, build_instruction_model  # noqa: E402

SIZE = LanguageConfig(
    image_px=32, patch_px=16, vision_width=48, vision_layers=1, text_width=32, text_layers=2,
    head_width=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def built() -> Any:
    return build_instruction_model(SIZE, 3)


def pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return [rng.integers(0, 255, (24, 32, 3), np.uint8) for _ in range(count)]


def test_answers_with_a_prefix_are_the_same(built: Any) -> None:
    plain, cached = InstructionModel(*built), InstructionModel(*built, prefix=PromptPrefix())
    for count in (1, 3, 1):
        current, target = pictures(count), pictures(count + 1)[:count]
        for ours, theirs in zip(
            cached.instruct(current, target), plain.instruct(current, target), strict=True
        ):
            assert ours[0] == theirs[0]
            assert ours[1] == pytest.approx(theirs[1], rel=1e-5)


def test_logits_with_a_prefix_are_equal_up_to_rounding(built: Any) -> None:
    network, _ = built
    asking = InstructionModel(*built)
    pair = pair_image(*pictures(2))
    inputs = asking.inputs([pair], INSTRUCT)
    prefix = PromptPrefix()
    cache = prefix.cache_for(network.eval(), inputs)
    length = cache.get_seq_length()
    assert length > 20
    with torch.no_grad():
        whole = network(**inputs).logits[:, length:]
        rest = network(
            input_ids=inputs["input_ids"][:, length:],
            attention_mask=inputs["attention_mask"],
            pixel_values=inputs["pixel_values"],
            past_key_values=cache,
        ).logits
    assert torch.allclose(whole, rest, atol=1e-5)
    assert prefix.cache_for(network, inputs).get_seq_length() == length


def test_rows_that_share_no_prefix_have_none() -> None:
    ids = torch.tensor([[5, 6, 9, 7], [5, 8, 9, 7]])
    mask = torch.ones_like(ids)
    assert prefix_tokens({"input_ids": ids, "attention_mask": mask}, 9) is None
    assert prefix_tokens({"input_ids": ids[:1], "attention_mask": mask[:1]}, 4) is None
    padded = mask[:1].clone()
    padded[0, 0] = 0
    assert prefix_tokens({"input_ids": ids[:1], "attention_mask": padded}, 9) is None
    found = prefix_tokens({"input_ids": ids[:1], "attention_mask": mask[:1]}, 9)
    assert found is not None
    assert found.tolist() == [[5, 6]]
