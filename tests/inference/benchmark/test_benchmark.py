"""The GPU rows of the benchmark, run at small size on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.benchmark import __main__ as benchmark  # noqa: E402
from inference.benchmark import folder as benchmark_folder  # noqa: E402
from inference.benchmark import memory as benchmark_memory  # noqa: E402
from inference.benchmark import networks as benchmark_networks  # noqa: E402
from inference.benchmark.folder import write_random_painter  # noqa: E402
from inference.loading.memory_config import MemoryConfig  # noqa: E402
from inference.loading.part_loading import PartLoader  # noqa: E402
from inference.memory.weight_bytes import weights_of  # noqa: E402
from training.networks.presets import PAPER, UNetSize  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def thinner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of still smaller networks, as deep as before."""
    size = UNetSize(
        channels=(8, 16, 16, 16),
        attention=benchmark_folder.NARROW_UNET.attention,
        layers_per_block=1,
        heads=2, norm_groups=8,
    )  # fmt: skip
    monkeypatch.setattr(benchmark_folder, "NARROW_UNET", size)


def test_sparse_folders_have_the_headers_of_real_ones(tmp_path: Path) -> None:
    for name, sparse in (("real", False), ("sparse", True)):
        write_random_painter(tmp_path / name, "small", torch.float16, True, sparse)
    for part in ("unet", "instruction_model", "vae"):
        real, sparse = (weights_of(tmp_path / n / part, None) for n in ("real", "sparse"))
        assert real == sparse
        assert real.num_bytes > 0
    loader = PartLoader.of(tmp_path / "real", CPU, MemoryConfig())
    assert loader.load("unet").dtype == torch.float32
    assert loader.load("instruction_model").dtype == torch.float16


def test_gpu_rows_at_small_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `--device cpu --size small`, but in this process."""
    monkeypatch.setattr(benchmark_memory, "CANVAS_SIZE_PX", (64, 80))

    def here(place: Path, device: Any, dtype: str, switches: dict[str, Any]) -> dict[str, int]:
        return benchmark_memory.peaks(str(place), str(device), dtype, switches)

    monkeypatch.setattr(benchmark_memory, "measured", here)
    monkeypatch.setattr(benchmark, "update_seconds", lambda *given: 1.0)
    rows = benchmark.gpu_rows(CPU, "small", 1)
    assert [row["measure"].partition(",")[0] for row in rows[:1]] == ["one update at 512x640"]
    assert len(rows) == 5
    assert all(row["value"] > 0 for row in rows)
    assert all("small networks, cpu" in rows[i]["measure"] for i in (0, 1, 3))


def test_one_update_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(*given: Any, **named: Any) -> Any:
        return sampling(*given, **{**named, "num_steps": 1})

    sampling = benchmark.SamplingConfig
    monkeypatch.setattr(benchmark, "SamplingConfig", quick)
    monkeypatch.setattr(benchmark, "small_painter", benchmark_networks.pocket_painter)
    assert benchmark.update_seconds(CPU, False, 1) > 0


def test_a_failed_child_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_memory.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="measuring memory failed"):
        benchmark_memory.measured(tmp_path, CPU, "float32", {})


def test_without_a_gpu_rows_say_so() -> None:
    assert {row["value"] for row in benchmark.unmeasured()} == {"not measured"}
    assert len(benchmark.unmeasured()) == len(benchmark.GPU_ROWS)
    assert PAPER.image_side_px == benchmark_memory.CANVAS_SIZE_PX[0]
