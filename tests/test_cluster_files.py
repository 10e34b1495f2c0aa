"""The files of docs/cluster, as far as they can be tested without a cluster."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "cluster"


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["aws.yaml", "on-premises.yaml"])
def test_launcher_files_are_what_ray_up_takes(name: str) -> None:
    config = prepare_config(load(name))
    validate_config(config)
    with pytest.raises(Exception, match="nonsense"):
        validate_config({**config, "nonsense": 1})


@pytest.mark.parametrize("name", ["aws.yaml", "on-premises.yaml"])
def test_every_node_starts_the_ray_of_the_toolkit(name: str) -> None:
    config = load(name)
    (place,) = config["file_mounts"]
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert all(f"{place}/.venv/bin/ray " in command for command in commands)
    assert place == f"/home/{config['auth']['ssh_user']}/toolkit"


def test_the_rayjob_has_the_fields_that_kuberay_needs() -> None:
    job = load("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    known = {
        "entrypoint", "runtimeEnvYAML", "backoffLimit", "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished", "rayClusterSpec",
    }  # fmt: skip
    assert set(job["spec"]) == known
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == ray.__version__
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert container["resources"]["requests"] == container["resources"]["limits"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert yaml.safe_load(job["spec"]["runtimeEnvYAML"])["working_dir"] == "/toolkit"


def test_the_entrypoint_is_a_command_of_ours(tmp_path: Path) -> None:
    words = shlex.split(load("rayjob.yaml")["spec"]["entrypoint"])
    assert words[:3] == ["python", "-m", "ingest"]
    (tmp_path / "v.mp4").touch()
    ours = [word.replace("/shared/videos", str(tmp_path)) for word in words[1:]]
    done = subprocess.run(
        [sys.executable, *ours, "--dry-run"], cwd=FOLDER.parents[1], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "plan: 1 sources" in done.stdout


def test_the_submitted_script_passes_its_words_on(tmp_path: Path) -> None:
    (tmp_path / "ingest").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$RAY_ADDRESS" "$PWD" "$@"\n')
    python.chmod(0o755)
    command = [sys.executable, str(FOLDER / "submit_ingest.py"), "/shared/v", "-o", "/shared/d"]
    done = subprocess.run(
        command, env={"TOOLKIT": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["auto", str(tmp_path), "-m", "ingest", *command[2:]]
    lost = subprocess.run(command, env={"TOOLKIT": "/nowhere"}, capture_output=True, text=True)
    assert lost.returncode == 1
    assert lost.stderr.count("\n") == 1
