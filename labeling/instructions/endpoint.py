"""A vision-language model behind a server that speaks OpenAI's chat protocol: vLLM and many others.

Each pair is one request; a bounded number of them are under way at once, so that the server can
batch them. Requests that fail are made again with growing pauses; what a server refuses for good,
or does not answer at all, is told by name and asked again by the next run.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.format.images import encode_image
from labeling.instructions.prompts import ANNOTATE, pair_image

LONGEST_PAUSE_S = 30.0
TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""HTTP states that another attempt may get past."""


_FAULTS = (OSError, http.client.HTTPException, ValueError, KeyError, IndexError, TypeError)
"""What networks do, and what answers that are no answers lead to."""


class EndpointConfig(Config):
    """A server that answers OpenAI-style chat requests with pictures."""

    url: str = "http://localhost:8000/v1"
    """Its address up to ``/v1``; ``/chat/completions`` is added."""
    model: str = ""
    """Name of the model on the server, such as llava-hf/llava-1.5-7b-hf."""
    api_key_variable: str = "OPENAI_API_KEY"
    """Environment variable that holds the key, if the server wants one. On a cluster the workers
    need it."""
    concurrency: int = Field(default=16, ge=1)
    """Requests under way at once, of each actor."""
    timeout_s: float = Field(default=60.0, gt=0)
    """A request that hears nothing for so long has failed."""
    attempts: int = Field(default=5, ge=1)
    """How often a request is tried."""
    pause_s: float = Field(default=1.0, ge=0)
    """Pause before the second attempt; it doubles, up to 30 s, unless the server says how long."""
    max_new_tokens: int = Field(default=16, ge=1)
    """Longest answer in tokens."""


class EndpointLabeler:
    """Asks the paper's annotation question p' about (current, next) pairs."""

    def __init__(self, config: EndpointConfig) -> None:
        """
        Raises:
            UserError: no model is named, or the address is none of http.
        """
        if not config.model or not config.url.startswith(("http://", "https://")):
            raise UserError(
                f"labeling.instructions.endpoint: got url {config.url!r} and model "
                f"{config.model!r}, expected http(s)://HOST/v1 and the model's name on that server"
            )
        self.config, self.prompt = config, ANNOTATE
        self.name = f"endpoint:{config.model}"

    def load(self) -> None:
        """Nothing has to be loaded here."""

    def prepare(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[bytes]:
        """The bodies of the requests; both canvases of a pair at one scale, side by side."""
        return [self._body(pair_image(current, following)) for current, following in pairs]

    def answer(self, prepared: Sequence[bytes]) -> list[tuple[str, float | None] | str]:
        """Raw answer and mean token log-probability (None if the server tells none) of each pair,
        or what is wrong in its place."""
        with ThreadPoolExecutor(self.config.concurrency) as pool:
            return list(pool.map(self._ask, prepared))

    def _body(self, image: np.ndarray) -> bytes:
        picture = base64.b64encode(encode_image(image, "png")).decode()
        content = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
            {"type": "text", "text": self.prompt.text},
        ]
        asked = {
            "model": self.config.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": self.config.max_new_tokens,
            "logprobs": True,
        }
        return json.dumps(asked).encode()

    def _ask(self, body: bytes) -> tuple[str, float | None] | str:
        problem = ""
        for attempt in range(1, self.config.attempts + 1):
            wait_s = min(LONGEST_PAUSE_S, self.config.pause_s * 2 ** (attempt - 1))
            # Many requests must not come back all at once, so the pause is drawn.
            wait_s *= random.uniform(0.5, 1.0)
            try:
                return _read(self._send(body))
            except urllib.error.HTTPError as error:
                told = " ".join(error.read(2000).decode(errors="replace").split())
                problem = f"HTTP {error.code} {told[:200]}"
                if error.code not in TRY_AGAIN:
                    return f"{self.config.url} refuses: {problem}"
                asked = error.headers.get("Retry-After", "")
                wait_s = min(LONGEST_PAUSE_S, float(asked)) if asked.isdigit() else wait_s
            except _FAULTS as error:
                problem = f"{type(error).__name__}: {error}"
            if attempt < self.config.attempts:
                time.sleep(wait_s)
        return f"{self.config.url} gave no answer in {self.config.attempts} attempts ({problem})"

    def _send(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(self.config.api_key_variable, "")
        if key:
            headers["Authorization"] = f"Bearer {key}"
        url = f"{self.config.url.rstrip('/')}/chat/completions"
        request = urllib.request.Request(url, body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=self.config.timeout_s) as response:
            return response.read()


def _read(data: bytes) -> tuple[str, float | None]:
    """Text and mean log-probability of an answer. Raises ValueError, KeyError, ...: it is none."""
    choice: dict[str, Any] = json.loads(data)["choices"][0]
    text = choice["message"]["content"]
    if not isinstance(text, str):
        raise ValueError(f"an answer without text: {str(choice)[:100]}")
    tokens = (choice.get("logprobs") or {}).get("content") or []
    scores = [float(token["logprob"]) for token in tokens]
    return text.strip(), sum(scores) / len(scores) if scores else None
