"""S3 and web servers on loopback, behind a proxy that answers 503, hangs, or cuts bodies short."""

from __future__ import annotations

import functools
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ingest.sources.copies import copies_root

Fault = Literal["none", "error", "hang", "cut"]
MIN_CUT_BYTES = 1000
"""Smaller bodies (listings) are never cut, in bytes."""


class FlakyProxy:
    """Forwards requests to `port`; a fault is injected into every n-th."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.fault: Fault = "none"
        self.requests: list[tuple[str, str]] = []
        """Method and path of every request that came."""
        self.num_faults = 0
        self._every = 3
        self._lock, self._counts = threading.Lock(), {"request": 0, "body": 0}
        self._over = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.answer(self)

            do_HEAD = do_GET  # noqa: N815 (the name is http.server's)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def set(self, fault: Fault, every: int = 3) -> None:
        """Inject `fault` into every `every`-th request or large body; reset all counts."""
        with self._lock:
            self._every = every
            self.fault, self.num_faults, self.requests = fault, 0, []
            self._counts = dict.fromkeys(self._counts, 0)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.requests.append((handler.command, handler.path))
        if self.fault in ("error", "hang") and self._is_due("request"):
            if self.fault == "error":
                handler.send_error(503)
            else:
                self._over.wait()
            handler.close_connection = True
            return
        self._pass_on(handler)

    def _pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {k: v for k, v in handler.headers.items() if k.lower() != "connection"}
        connection.request(handler.command, handler.path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        handler.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                handler.send_header(name, value)
        handler.end_headers()
        if self.fault == "cut" and len(body) > MIN_CUT_BYTES and self._is_due("body"):
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
            return
        handler.wfile.write(body)

    def _is_due(self, kind: str) -> bool:
        with self._lock:
            self._counts[kind] += 1
            is_due = self._counts[kind] % self._every == (1 if kind == "body" else 0)
            self.num_faults += is_due
            return is_due

    def stop(self) -> None:
        self._over.set()
        self.server.shutdown()
        self.server.server_close()


@dataclass(frozen=True)
class Bucket:
    """The bucket ``paintings`` and the proxy in front of it."""

    client: Any
    proxy: FlakyProxy

    def put(self, key: str, data: bytes) -> str:
        """Store an object; returns its address."""
        self.client.put_object(Bucket="paintings", Key=key, Body=data)
        return f"s3://paintings/{key}"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlakyProxy]:
    """An S3 server on loopback behind a proxy that can misbehave; the environment points to it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch, running(server.get_host_and_port()[1]) as proxy:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
        patch.setattr("tempfile.tempdir", None)
        yield proxy
    server.stop()


@pytest.fixture
def bucket(store: FlakyProxy) -> Iterator[Bucket]:
    """An empty bucket; the proxy injects no fault."""
    store.set("none")
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{store.port}", region_name="us-east-1"
    )
    client.create_bucket(Bucket="paintings")
    yield Bucket(client, store)
    store.set("none")
    for item in client.list_objects_v2(Bucket="paintings").get("Contents", []):
        client.delete_object(Bucket="paintings", Key=item["Key"])
    client.delete_bucket(Bucket="paintings")
    assert not list(copies_root().glob("*")), "a local copy was left behind"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, FlakyProxy]]:
    """A folder, and a proxy to a web server of it without range requests."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    with running(server.server_address[1]) as proxy:
        yield folder, proxy
    server.shutdown()
    server.server_close()


@contextmanager
def running(port: int) -> Iterator[FlakyProxy]:
    """A proxy to the server at `port` on loopback, in a thread."""
    proxy = FlakyProxy(port)
    thread = threading.Thread(target=proxy.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
