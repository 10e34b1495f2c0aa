"""Asks whether a Ray cluster answers at an address, and where a private Ray may put its sockets.

Ray itself tries for ten minutes to reach a cluster that is gone, and fails in a folder whose path
is too long for sockets.
"""

from __future__ import annotations

import os
import re
import socket
import tempfile

from ingest.conventions.errors import UserError

ANSWER_TIMEOUT_S = 8.0
"""Longest time for a connection, and again for an answer."""
MAX_TEMPORARY_PATH_BYTES = 36
"""Longest TMPDIR in which Ray's sockets fit: the path of a socket has at most 107 bytes, of which
Ray takes 68 or more (``/ray/session_<date>_<time>_<process>/sockets/plasma_store``)."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client opens a connection of HTTP/2, on which gRPC is built: preface, empty settings."""
_SETTINGS_FRAME = 4
"""Type of the frame with which a server answers, in byte 3 of its head of 9 bytes (RFC 9113)."""


def check_cluster_answers(address: str, origin: str) -> None:
    """Raises UserError if no gRPC server, as every Ray cluster is, answers at an address.

    Args:
        address: ``host:port`` or ``ray://host:port``; words such as ``auto`` are not checked.
        origin: where the address was given, for the message.
    """
    match = re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:(\d+)", address)
    if match is None:
        return
    # Behind TLS nobody answers without certificates: that something listens has to do.
    uses_tls = os.environ.get("RAY_USE_TLS", "0") not in ("", "0")
    try:
        place = (match[1], int(match[2]))
        with socket.create_connection(place, timeout=ANSWER_TIMEOUT_S) as connection:
            if uses_tls:
                return
            connection.sendall(_PREFACE)
            head = connection.recv(9, socket.MSG_WAITALL)
        problem = "" if head[3:4] == bytes([_SETTINGS_FRAME]) else "another program answers there"
    except (OSError, OverflowError) as error:
        problem = str(getattr(error, "strerror", None) or error)
    if problem:
        raise UserError(
            f"no Ray cluster answers at {address} ({origin}): {problem}; correct or unset "
            f"{origin}, or start the cluster"
        )


def short_temporary_folder() -> str | None:
    """A new private folder with a short path; None if TMPDIR is short enough."""
    if len(os.fsencode(tempfile.gettempdir())) <= MAX_TEMPORARY_PATH_BYTES:
        return None
    return tempfile.mkdtemp(prefix="ray-", dir="/tmp")
