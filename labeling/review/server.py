"""Serves the review page over HTTP to this machine only (``python -m labeling review serve``).

The page can write to the dataset, so other web sites must not reach it through the reviewer's
browser. The server listens on loopback. It answers only requests to loopback names (against DNS
rebinding) that come from its own page (Origin, Sec-Fetch-Site), with bodies of bounded size.
Requests never contain file names: images are found by known ids, page files in a fixed list.
"""

from __future__ import annotations

import getpass
import json
import re
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from ingest.conventions.errors import UserError, storage_error
from ingest.format.dataset import Dataset
from labeling.review.messages import NotApplied, NotFound
from labeling.review.service import ReviewService

HOST = "127.0.0.1"
"""Address that the server listens on."""
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Host names that a request may be addressed to."""
MAX_BODY_BYTES = 4 << 20
"""Largest body of a request; a painted mask of 4000 x 4000 pixels takes 2.7 MB."""
TIMEOUT_S = 30.0
"""Seconds after which an idle connection is closed."""
PAGE = Path(__file__).parent / "page"
"""Folder of the page's files."""
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
"""Content type by file extension."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Security headers of every response."""
_IMAGE = re.compile(r"/image/([0-9a-zA-Z_-]{1,64})/([0-9a-f]{64})")
"""Path of an image: video id and hash."""
_MASK = re.compile(r"/mask/([0-9a-zA-Z_-]{1,200})(?:/([0-9a-f]{64}))?")
"""Path of a mask: pair id, and hash of a painted mask."""


class Refused(Exception):
    """A request that is refused, with the HTTP status of the response."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class ReviewServer(ThreadingHTTPServer):
    """One dataset's page on a port of this machine."""

    daemon_threads = True

    def __init__(self, service: ReviewService, port: int) -> None:
        self.service = service
        # Read once, so that no request makes the server look up a path.
        self.files = {f"/{path.name}": path.read_bytes() for path in PAGE.iterdir()}
        self.files["/"] = self.files["/index.html"]
        super().__init__((HOST, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print errors, except those of a browser that closed its connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{HOST}:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    # Without this the headers and the body of a small response are delayed separately.
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = TIMEOUT_S
    server: ReviewServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: requests are not logged."""

    def _answer(self, method: Callable[[], None]) -> None:
        """Run a method, and answer its exceptions with the matching HTTP status."""
        try:
            self._check_caller()
            method()
        except Refused as error:
            # Otherwise the rest of a refused body would be read as the next request.
            self.close_connection = True
            self._send_json({"error": str(error)}, error.status)
        except NotFound as error:
            self._send_json({"error": str(error)}, HTTPStatus.NOT_FOUND)
        except NotApplied as error:
            body = {"error": str(error), "problems": error.problems}
            self._send_json(body, HTTPStatus.CONFLICT)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            self._send_json({"error": f"{where}: {first['msg']}"}, HTTPStatus.BAD_REQUEST)
        except UserError as error:
            self._send_json({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the browser no longer needs the image
        except OSError as error:
            known = storage_error(error, "the corrections")
            message = str(known or error)
            print(f"error: {message}", file=sys.stderr)
            self._send_json({"error": message}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _check_caller(self) -> None:
        """Raises Refused unless the request comes from this server's own page."""
        host = self.headers.get("Host", "")
        if re.sub(r":\d+$", "", host) not in LOOPBACK_NAMES:
            raise Refused(HTTPStatus.FORBIDDEN, f"host {host!r} is not this machine")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise Refused(HTTPStatus.FORBIDDEN, f"origin {origin!r} is not this page")
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Refused(HTTPStatus.FORBIDDEN, "asked for by another site")
        if self.command == "POST" and origin is None:
            raise Refused(HTTPStatus.FORBIDDEN, "no Origin: only the page itself may write")

    def _get(self) -> None:
        """Send a page file, an image, a mask, or the JSON of a query."""
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.BAD_REQUEST, "a body where none is expected")
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        service = self.server.service
        if url.path in self.server.files:
            kind = TYPES[Path(url.path).suffix or ".html"] + "; charset=utf-8"
            self._send(self.server.files[url.path], kind)
        elif match := _IMAGE.fullmatch(url.path):
            format, data = service.image(match[1], match[2])
            self._send(data, "image/png" if format == "png" else "image/jpeg", is_fixed=True)
        elif match := _MASK.fullmatch(url.path):
            data = service.mask(match[1], match[2] or "")
            self._send(data, "image/png", is_fixed=match[2] is not None or "v" in query)
        elif url.path == "/api/start":
            self._send_json(service.start())
        elif url.path == "/api/pairs":
            start, count = (self._number(query, name) for name in ("start", "count"))
            self._send_json(service.window(query.get("queue", ""), start, count))
        elif url.path == "/api/reading":
            self._send_json(service.reading(query.get("text", "")))
        elif url.path == "/api/agreement":
            self._send_json(service.agreement())
        else:
            raise NotFound(f"there is no {url.path[:100]!r}")

    def _post(self) -> None:
        """Apply the JSON body to the route, and send its result."""
        body = self._body()
        routes = {
            "/api/queue": self.server.service.queue,
            "/api/decide": self.server.service.decide,
        }
        if self.path not in routes:
            raise NotFound(f"there is no {self.path[:100]!r}")
        self._send_json(routes[self.path](body))

    def _body(self) -> dict[str, Any]:
        """The body of the request, a JSON object. Raises Refused."""
        if self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,12}", length) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        if int(length) > MAX_BODY_BYTES:
            message = f"a body of {length} bytes, expected at most {MAX_BODY_BYTES}"
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"not JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "expected a JSON object")
        return body

    def _number(self, query: dict[str, str], name: str) -> int:
        """The value of a query parameter, a non-negative integer. Raises Refused."""
        if not re.fullmatch(r"\d{1,9}", query.get(name, "")):
            raise Refused(HTTPStatus.BAD_REQUEST, f"expected a number {name}")
        return int(query[name])

    def _send_json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        self._send(data, "application/json; charset=utf-8", status)

    def _send(
        self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, is_fixed: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        # Images are addressed by their hash and never change; nothing else is cached.
        fixed = "private, max-age=31536000, immutable"
        self.send_header("Cache-Control", fixed if is_fixed else "no-store")
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


def serve_review(dataset: Dataset, reviewer: str, port: int) -> None:
    """Serve the review page until Ctrl-C.

    Args:
        reviewer: name in the log; empty: the login name.
        port: TCP port; 0: any free one.

    Raises:
        UserError: the port is taken, or there are no labels yet.
    """
    service = ReviewService(dataset, reviewer.strip() or getpass.getuser())
    try:
        server = ReviewServer(service, port)
    except OSError as error:
        raise UserError(
            f"port {port} of {HOST} cannot be used ({error.strerror}): give another with --port, "
            "or 0 for any free one"
        ) from error
    pairs = service.start()["progress"]["pairs"]
    print(f"review: {pairs} pairs of {dataset.root}, as {service.reviewer}: {server.url}")
    print("Ctrl-C ends; every decision is saved when it is made")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("review: ended; everything decided is in the log")
    finally:
        server.server_close()
