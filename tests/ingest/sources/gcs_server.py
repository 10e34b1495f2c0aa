"""A read-only stand-in for Google Cloud Storage: ``python gcs_server.py FOLDER``.

It runs in its own process: Arrow holds Python's lock while it opens a file, so a server in the same
process could not answer. Prints its address; the folder is the bucket ``paintings``.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(sys.argv[1])


def described(name: str) -> dict[str, str]:
    return {
        "kind": "storage#object",
        "bucket": "paintings",
        "name": name,
        "generation": "1",
        "size": str((ROOT / name).stat().st_size),
        "updated": "2026-01-01T00:00:00.000Z",
        "timeCreated": "2026-01-01T00:00:00.000Z",
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        name = unquote(url.path.partition("/b/paintings/o")[2]).lstrip("/")
        if not name:
            self._answer(200, self._listing(query.get("prefix", ""), query.get("delimiter", "")))
        elif not (ROOT / name).is_file():
            self._answer(404, {"error": {"code": 404, "message": "no such object"}})
        elif query.get("alt") == "media":
            self._answer(200, (ROOT / name).read_bytes())
        else:
            self._answer(200, described(name))

    def _listing(self, prefix: str, delimiter: str) -> dict[str, object]:
        names = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file())
        names = [name for name in names if name.startswith(prefix)]
        deep = [name for name in names if delimiter and delimiter in name[len(prefix) :]]
        prefixes = {name[: name.index(delimiter, len(prefix)) + 1] for name in deep}
        items = [described(name) for name in names if name not in deep]
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(prefixes)}

    def _answer(self, status: int, body: bytes | dict[str, object] | dict[str, str]) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        wanted = self.headers.get("Range", "")
        if wanted and isinstance(body, bytes):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            status, data = 206, data[start:]
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/*")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
