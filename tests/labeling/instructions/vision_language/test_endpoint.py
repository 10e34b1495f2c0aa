"""The endpoint labeler against a local server that speaks the protocol and can fail."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import decode_image
from labeling.instructions.batch_labeling import InstructionTask, label_instructions
from labeling.instructions.labeler import Answer
from labeling.instructions.labeler_factory import InstructionsConfig
from labeling.instructions.table import merge_table, read_table
from labeling.instructions.vision_language.endpoint import EndpointConfig, EndpointLabeler
from labeling.instructions.vision_language.prompts import ANNOTATE
from labeling.regions.regions import RegionsConfig, RegionTask, label_regions

VIDEO = f"{0:016x}"


class Server:
    """Answers chat requests by the mean colour of the image; fails as `faults` says."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        """Faults of the next requests: "", "500", "429", "400", "cut", "slow", "nonsense"."""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = self.at_once = 0
        self.delay_s, self.with_scores = 0.0, True
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.handle(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            fault = self.faults.pop(0) if self.faults else ""
            self.requests.append(body)
            self.headers.append(dict(handler.headers))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(1.0 if fault == "slow" else self.delay_s)
        with self._lock:
            self.at_once -= 1
        if fault.isdigit():
            handler.send_response(int(fault))
            handler.send_header("Retry-After", "0")
            handler.end_headers()
            handler.wfile.write(b'{"error": "no room"}')
            return
        answer = b'{"choices": []}' if fault == "nonsense" else self._answer(body)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer[:5] if fault == "cut" else answer)

    def _answer(self, body: dict[str, Any]) -> bytes:
        picture, question = body["messages"][0]["content"]
        data = picture["image_url"]["url"].partition("base64,")[2]
        image = decode_image(base64.b64decode(data))
        assert question == {"type": "text", "text": ANNOTATE.text}
        word = "Skies." if image[:, :, 2].mean() > image[:, :, 0].mean() else "The trees"
        choice: dict[str, Any] = {"message": {"role": "assistant", "content": f" {word}"}}
        if self.with_scores:
            choice["logprobs"] = {"content": [{"logprob": -0.5}, {"logprob": -0.1}]}
        return json.dumps({"choices": [choice]}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def config(server: Server, **settings: Any) -> EndpointConfig:
    given = {"url": server.url, "model": "llava", "pause_s": 0.001, "attempts": 3, **settings}
    return EndpointConfig.model_validate(given)


def pairs(number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    blue = np.full((8, 10, 3), (10, 20, 200), np.uint8)
    return [(blue, blue // (1 + i % 2)) for i in range(number)]


def ask(labeler: EndpointLabeler, number: int = 1) -> list[Any]:
    return labeler.answer(labeler.prepare(pairs(number)))


def test_a_request_asks_the_papers_question_about_one_image(server: Server) -> None:
    labeler = EndpointLabeler(config(server))
    ask(labeler)
    body = server.requests[0]
    assert (body["model"], body["temperature"], body["logprobs"]) == ("llava", 0, True)
    data = body["messages"][0]["content"][0]["image_url"]["url"].partition("base64,")[2]
    assert decode_image(base64.b64decode(data)).shape == (8, 20, 3)
    assert (labeler.name, labeler.prompt.version) == ("endpoint:llava", ANNOTATE.version)


def test_a_request_carries_the_api_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    ask(EndpointLabeler(config(server, api_key_variable="MY_KEY")))
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_an_answer_has_the_mean_log_probability_of_its_tokens(server: Server) -> None:
    (answer,) = ask(EndpointLabeler(config(server)))
    assert answer.text == "Skies."
    assert answer.mean_log_probability == pytest.approx(-0.3)
    assert answer.confidence == pytest.approx(np.exp(-0.3))


def test_an_answer_without_log_probabilities_has_no_confidence(server: Server) -> None:
    server.with_scores = False
    assert ask(EndpointLabeler(config(server))) == [Answer("Skies.", 0.0)]


@pytest.mark.parametrize("fault", ["500", "429", "cut", "nonsense", "slow"])
def test_a_fault_is_retried(server: Server, fault: str) -> None:
    server.faults = [fault, fault]
    assert ask(EndpointLabeler(config(server, timeout_s=0.2)))[0].text == "Skies."
    assert len(server.requests) == 3


def test_repeated_faults_are_reported(server: Server) -> None:
    server.faults = ["500"] * 3
    assert "gave no answer in 3 attempts (HTTP 500" in ask(EndpointLabeler(config(server)))[0]


def test_a_refused_request_is_not_retried(server: Server) -> None:
    server.faults = ["400"]
    assert "refuses: HTTP 400" in ask(EndpointLabeler(config(server)))[0]
    assert len(server.requests) == 1


def test_a_server_that_is_down_is_reported(server: Server) -> None:
    labeler = EndpointLabeler(config(server, url="http://127.0.0.1:9/v1"))
    assert "Connection refused" in ask(labeler)[0]


def test_a_config_without_model_is_refused() -> None:
    with pytest.raises(UserError, match="expected http"):
        EndpointLabeler(EndpointConfig(model=""))


def test_concurrent_requests_are_bounded(server: Server) -> None:
    server.delay_s = 0.02
    assert len(ask(EndpointLabeler(config(server, concurrency=3)), 12)) == 12
    assert server.most_at_once == 3


def test_the_next_run_asks_only_about_unanswered_pairs(
    server: Server, keyframe_dataset: Callable[..., Dataset], colour_distance: Any
) -> None:
    dataset = keyframe_dataset(1, 0)
    label_regions(RegionTask(dataset.root, VIDEO, RegionsConfig()))
    settings = InstructionsConfig(labeler="endpoint", endpoint=config(server, concurrency=1))
    task = InstructionTask(dataset.root, VIDEO, RegionsConfig(), settings)
    server.faults = ["", "400"]
    with pytest.raises(UserError, match=r"1 of 4 pairs have no answer: .*HTTP 400"):
        label_instructions(task)
    assert label_instructions(task)["asked"] == 1
    assert label_instructions(task)["asked"] == 0
    assert len(server.requests) == 5
    merge_table(dataset, [VIDEO], settings, RegionsConfig())
    row = next(iter(read_table(dataset).values()))
    assert (row.labeler, row.mean_log_probability) == ("endpoint:llava", -0.3)
    assert row.confidence == pytest.approx(np.exp(-0.3), abs=1e-6)
