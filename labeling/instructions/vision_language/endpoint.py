"""Labels pairs with a vision-language model behind a server that speaks OpenAI's chat protocol.

Each pair is one request. A bounded number of requests are in flight at once, so that the server can
batch them. A failed request is repeated with exponential backoff. A pair that gets no answer is
reported, and the next run asks about it again.
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
from labeling.instructions.labeler import Answer
from labeling.instructions.vision_language.prompts import ANNOTATE, pair_image

MAX_PAUSE_S = 30.0
"""Longest pause before a repeated request, in s."""
RETRYABLE_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""HTTP status codes after which a request is repeated."""
_RETRYABLE_ERRORS = (
    OSError, http.client.HTTPException, ValueError, KeyError, IndexError, TypeError,
)  # fmt: skip
"""Exceptions of network faults and of malformed answers, after which a request is repeated."""


class EndpointConfig(Config):
    """A server that answers OpenAI-style chat requests with pictures."""

    url: str = "http://localhost:8000/v1"
    """Address of the server up to ``/v1``; ``/chat/completions`` is added."""
    model: str = ""
    """Name of the model on the server, such as llava-hf/llava-1.5-7b-hf."""
    api_key_variable: str = "OPENAI_API_KEY"
    """Environment variable that holds the API key, if the server requires one. On a cluster it must
    be set for the workers."""
    concurrency: int = Field(default=16, ge=1)
    """Requests in flight at once, per actor."""
    timeout_s: float = Field(default=60.0, gt=0)
    """A request fails if the server sends nothing for so long."""
    attempts: int = Field(default=5, ge=1)
    """How often a request is made before its pair is reported as unanswered."""
    pause_s: float = Field(default=1.0, ge=0)
    """Seconds before the second attempt; the pause doubles up to 30 s. A Retry-After header of the
    server replaces it."""
    max_new_tokens: int = Field(default=16, ge=1)
    """Longest answer in tokens."""


class EndpointLabeler:
    """Asks the paper's annotation prompt p' about (current, next) pairs."""

    def __init__(self, config: EndpointConfig) -> None:
        """
        Raises:
            UserError: no model is named, or the URL does not begin with http:// or https://.
        """
        if not config.model or not config.url.startswith(("http://", "https://")):
            raise UserError(
                f"labeling.instructions.endpoint: got url {config.url!r} and model "
                f"{config.model!r}, expected http(s)://HOST/v1 and the model's name on that server"
            )
        self.config, self.prompt = config, ANNOTATE
        self.name = f"endpoint:{config.model}"

    def load(self) -> None:
        """Does nothing: the model is on the server."""

    def prepare(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[bytes]:
        """The JSON body of each request; the two canvases of a pair are one image."""
        return [self._body(pair_image(current, following)) for current, following in pairs]

    def answer(self, prepared: Sequence[bytes]) -> list[Answer | str]:
        """The answer to each request, or a sentence that says why there is none."""
        with ThreadPoolExecutor(self.config.concurrency) as pool:
            return list(pool.map(self._ask, prepared))

    def _body(self, image: np.ndarray) -> bytes:
        picture = base64.b64encode(encode_image(image, "png")).decode()
        content = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
            {"type": "text", "text": self.prompt.text},
        ]
        request = {
            "model": self.config.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": self.config.max_new_tokens,
            "logprobs": True,
        }
        return json.dumps(request).encode()

    def _ask(self, body: bytes) -> Answer | str:
        problem = ""
        for attempt in range(1, self.config.attempts + 1):
            wait_s = min(MAX_PAUSE_S, self.config.pause_s * 2 ** (attempt - 1))
            # Random, so that requests that failed together are not repeated together.
            wait_s *= random.uniform(0.5, 1.0)
            try:
                return _parse_answer(self._send(body))
            except urllib.error.HTTPError as error:
                message = " ".join(error.read(2000).decode(errors="replace").split())
                problem = f"HTTP {error.code} {message[:200]}"
                if error.code not in RETRYABLE_STATUSES:
                    return f"{self.config.url} refuses: {problem}"
                retry_s = error.headers.get("Retry-After", "")
                wait_s = min(MAX_PAUSE_S, float(retry_s)) if retry_s.isdigit() else wait_s
            except _RETRYABLE_ERRORS as error:
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


def _parse_answer(data: bytes) -> Answer:
    """The answer in a response; confidence 0 if the server gives no log-probabilities.

    Raises:
        ValueError, KeyError, IndexError, TypeError: the response holds no answer.
    """
    choice: dict[str, Any] = json.loads(data)["choices"][0]
    text = choice["message"]["content"]
    if not isinstance(text, str):
        raise ValueError(f"an answer without text: {str(choice)[:100]}")
    tokens = (choice.get("logprobs") or {}).get("content") or []
    scores = [float(token["logprob"]) for token in tokens]
    mean = sum(scores) / len(scores) if scores else None
    return Answer.from_log_probability(text.strip(), mean)
