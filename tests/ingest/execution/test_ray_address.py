"""Addresses of clusters that are gone or are something else, and folders for Ray's sockets."""

from __future__ import annotations

import http.server
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.conventions.errors import UserError
from ingest.execution import ray_address, ray_tasks
from ingest.execution.ray_address import check_cluster_answers, short_temporary_folder


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_an_address_where_nothing_listens_is_one_line_that_names_its_origin(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = address_of(listener)
    listener.close()
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match="refused; correct or unset RAY_ADDRESS") as caught:
        ray_tasks.connect()
    assert address in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="correct or unset --ray-address"):
        ray_tasks.connect(f"ray://{address}")


def test_behind_tls_a_dead_address_is_refused_and_a_silent_server_is_not(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    check_cluster_answers(address_of(listener), "RAY_ADDRESS")
    address = address_of(listener)
    listener.close()
    with pytest.raises(UserError, match="refused"):
        check_cluster_answers(address, "RAY_ADDRESS")


def test_a_server_that_never_answers_is_given_up(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_address, "ANSWER_TIMEOUT_S", 0.2)
    with pytest.raises(UserError, match="timed out"):
        check_cluster_answers(address_of(listener), "RAY_ADDRESS")


def test_another_program_is_told_from_a_cluster() -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(UserError, match="another program answers there"):
        check_cluster_answers(f"127.0.0.1:{server.server_port}", "RAY_ADDRESS")
    server.shutdown()
    server.server_close()


def test_a_grpc_server_passes() -> None:
    grpc = pytest.importorskip("grpc")
    server = grpc.server(None)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    check_cluster_answers(f"127.0.0.1:{port}", "RAY_ADDRESS")
    server.stop(None)


@pytest.mark.parametrize("address", ["auto", "local", "anyscale://cluster"])
def test_addresses_that_are_words_are_left_to_ray(address: str) -> None:
    check_cluster_answers(address, "RAY_ADDRESS")


def test_sockets_get_a_short_folder_where_the_temporary_one_is_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert short_temporary_folder() is None
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 10)))
    folder = short_temporary_folder()
    assert folder is not None
    assert os.stat(folder).st_mode & 0o077 == 0
    session = "/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
    assert len(folder + session) <= 107
    os.rmdir(folder)
