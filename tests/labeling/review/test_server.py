"""The server of the review page: its responses, the requests it refuses, and concurrent edits."""

from __future__ import annotations

import base64
import http.client
import json
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ingest.format.dataset import Dataset
from ingest.format.images import decode_mask
from labeling.benchmark.browser import serve_page
from labeling.corrections.corrections import effective_corrections, read_corrections
from labeling.corrections.human_masks import RULE_SUFFIX, effective_region
from labeling.instructions.table import read_table
from labeling.regions.regions import RegionsConfig, read_regions
from labeling.review.messages import NotApplied
from labeling.review.server import MAX_BODY_BYTES, ReviewServer
from labeling.review.service import ReviewService
from labeling.review.spreadsheet_export import ReviewConfig, export_review
from labeling.review.spreadsheet_import import import_review
from labeling.shards.plan import PlanTask, ShardsConfig, plan_video

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def dataset(labeled_dataset: Callable[..., Dataset]) -> Dataset:
    return labeled_dataset(2, 0)


@pytest.fixture
def server(dataset: Dataset) -> Iterator[ReviewServer]:
    with serve_page(dataset, "Ann") as server:
        yield server


def asked(
    server: ReviewServer, path: str, body: Any = None, method: str = "", **headers: str
) -> tuple[int, bytes, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    host = headers.setdefault("Host", f"127.0.0.1:{server.server_port}")
    if body is not None:
        headers = {"Content-Type": "application/json", "Origin": f"http://{host}"} | headers
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items() if value}
    connection.request(method or ("GET" if body is None else "POST"), path, data, named)
    response = connection.getresponse()
    found = response.status, response.read(), response
    connection.close()
    return found


def first_pairs(service: ReviewService, count: int = 8, **wanted: Any) -> list[dict[str, Any]]:
    found = service.queue(wanted)
    return service.window(found["queue"], 0, count)["pairs"]


def said(pair: dict[str, Any], **what: Any) -> dict[str, Any]:
    seen = pair["decision"]["revision"] if pair["decision"] else ""
    names = ("pair_id", "content_hash", "label_hash")
    return {name: pair[name] for name in names} | {"seen": seen} | what


def test_the_page_and_its_requests(server: ReviewServer) -> None:
    status, page, response = asked(server, "/")
    assert status == 200
    assert b"<title>Review</title>" in page
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert asked(server, "/main.js")[2].headers["Content-Type"].startswith("text/javascript")
    queue = json.loads(asked(server, "/api/queue", {})[1])
    assert queue["length"] == 8
    window = json.loads(asked(server, f"/api/pairs?queue={queue['queue']}&start=1&count=2")[1])
    pair = window["pairs"][0]
    assert len(window["pairs"]) == 2
    for name in ("current", "next", "target"):
        status, data, response = asked(server, f"/image/{pair['video_id']}/{pair[name]}")
        assert (status, data[:2] in (b"\xff\xd8", b"\x89P")) == (200, True)
        assert "immutable" in response.headers["Cache-Control"]
    assert decode_mask(asked(server, f"/mask/{pair['pair_id']}")[1]).shape == (64, 80)
    assert asked(server, "/api/start")[0] == asked(server, "/api/agreement")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8765"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost@evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Host": "localhost:9000"}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
    ],
)
def test_only_the_page_itself_may_post(
    server: ReviewServer, headers: dict[str, str], status: int
) -> None:
    assert asked(server, "/api/queue", {}, **headers)[0] == status


def test_other_sites_may_not_read(server: ReviewServer) -> None:
    assert asked(server, "/", Host="evil.example")[0] == 403
    assert asked(server, "/api/start", Sec_Fetch_Site="cross-site")[0] == 403
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/style.css/../../review.py",
        "/image/../../etc/passwd", "/image/" + "0" * 16 + "/../../../etc/passwd",
        "/image/%2e%2e/" + "0" * 64, "/image/ffffffffffffffff/" + "0" * 64, "/mask/..%2f..%2fx",
        "/mask/nobody", "/mask/nobody/" + "0" * 64, "/review.py", "/api/nothing", "//etc/passwd",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server: ReviewServer, path: str) -> None:
    status, body, _ = asked(server, path)
    assert status == 404
    assert "error" in json.loads(body)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[1]", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"decisions": [{"pair_id": 3}]}', {}, 400),
        (b'{"decisions": [], "path": "/etc"}', {}, 400),
        (b"{}", {"Content_Length": str(MAX_BODY_BYTES + 1)}, 413),
        (b"{}", {"Content_Length": "9" * 30}, 411),
        (b"{}", {"Content_Length": "-1"}, 411),
        (b"[" * 100_000, {}, 400),
    ],
)
def test_bodies_that_are_refused(
    server: ReviewServer, body: bytes, headers: dict[str, str], status: int
) -> None:
    found, _, response = asked(server, "/api/decide", body, **headers)
    assert found == status
    if status in (411, 413):
        assert response.headers["Connection"] == "close"


def test_the_page_is_told_what_is_stored_of_a_text(dataset: Dataset) -> None:
    service = ReviewService(dataset, "Ann")
    assert service.reading("SKY, TREE, CLOUD") == {
        "stored": "sky, cloud", "left_out": ["tree"], "new_words": [], "problem": "",
    }  # fmt: skip
    assert service.reading("some Castles")["new_words"] == ["castle"]
    assert "a number or a date" in service.reading("01.05.2026")["problem"]
    pair = first_pairs(service)[0]
    answer = service.decide({"decisions": [said(pair, corrected="SKY, TREE, CLOUD")]})
    decision = answer["decisions"][pair["pair_id"]]
    assert (decision["instruction"], decision["stored"]) == ("SKY, TREE, CLOUD", "sky, cloud")


def test_html_in_an_instruction_is_stored_as_text(dataset: Dataset) -> None:
    service = ReviewService(dataset, "<b>Ann</b>")
    pair = first_pairs(service)[0]
    service.decide({"decisions": [said(pair, corrected="<img src=x onerror=alert(1)> cat")]})
    assert read_corrections(dataset)[0].instruction == "<img src=x onerror=alert(1)> cat"


def test_filters(dataset: Dataset) -> None:
    service = ReviewService(dataset, "Ann")
    pairs = first_pairs(service)
    assert [p["confidence"] for p in pairs] == sorted(p["confidence"] for p in pairs)
    service.decide({"decisions": [
        said(pairs[0], corrected="castle"), said(pairs[1], verdict="accept"),
        said(pairs[2], verdict="reject"),
    ]})  # fmt: skip

    def ids(**wanted: Any) -> list[str]:
        return [pair["pair_id"] for pair in first_pairs(service, **wanted)]

    assert len(ids()) == 5
    assert set(ids(state="decided")) == {pair["pair_id"] for pair in pairs[:3]}
    assert ids(state="accept") == ids(state="accept", video=pairs[1]["video_id"][-4:])
    assert ids(state="correct") == ids(disagreement="human", state="correct")
    assert set(ids(disagreement="human", state="all")) == {pairs[0]["pair_id"], pairs[2]["pair_id"]}
    assert ids(label="castle", state="all") == [pairs[0]["pair_id"]]
    assert ids(state="all", order="video") == list(read_table(dataset))
    low = pairs[4]["confidence"]
    assert set(ids(state="all", low=low)) == {p["pair_id"] for p in pairs if p["confidence"] >= low}
    assert ids(state="mask") == ids(disagreement="labelers") == []
    found = service.agreement()
    assert found["machine_and_humans"][0]["num_pairs"] == 3
    assert found["machine_and_humans"][0]["same"] == pytest.approx(1 / 3)
    assert {c["human"] for c in found["confusions"]} == {"castle", "(rejected)"}


def test_undo_restores_the_earlier_decision(dataset: Dataset) -> None:
    service = ReviewService(dataset, "Ann")
    first = first_pairs(service)[0]

    def decide(**what: Any) -> Any:
        pair = first_pairs(service, state="all")[0]
        return service.decide({"decisions": [said(pair, **what)]})["decisions"][pair["pair_id"]]

    def undo(now: Any, before: Any) -> Any:
        names = ("pair_id", "content_hash")
        body = {name: first[name] for name in names} | {"seen": now["revision"] if now else ""}
        body["to"] = before["revision"] if before else ""
        return service.decide({"restored": [body]})["decisions"][first["pair_id"]]

    castle = decide(corrected="castle")
    boat = decide(corrected="boat")
    assert undo(boat, castle)["instruction"] == "castle"
    assert undo(castle, None) is None
    assert effective_corrections(read_corrections(dataset)) == {}
    assert len(read_corrections(dataset)) == 4, "an undo is a row, too"
    reports = import_review(dataset, exported(dataset), "Bob").rows
    assert {row.status for row in reports} == {"unchanged"}


def exported(dataset: Dataset) -> Any:
    file = dataset.root / "out.csv"
    export_review(dataset, file, ReviewConfig())
    return file


def test_decisions_are_applied_all_or_none(dataset: Dataset) -> None:
    service = ReviewService(dataset, "Ann")
    pairs = first_pairs(service)
    stale = said(pairs[1], verdict="accept") | {"label_hash": "m0"}
    with pytest.raises(NotApplied) as caught:
        service.decide({"decisions": [said(pairs[0], verdict="accept"), stale]})
    assert caught.value.problems[0]["status"] == "stale"
    assert caught.value.problems[0]["now"]["pair_id"] == pairs[1]["pair_id"]
    assert not dataset.corrections_csv.exists()
    for what in ({"verdict": "reject", "corrected": "sky"}, {"corrected": "..."}, {}):
        with pytest.raises(NotApplied):
            service.decide({"decisions": [said(pairs[0], **what)]})


def test_two_servers_at_once_lose_no_edit(dataset: Dataset) -> None:
    """Two processes edit the same pairs: every edit is in the log or was refused as a conflict."""
    outcomes = FORK.Queue()
    names = ("Ann", "Bob")

    def work(name: str) -> None:
        service, told, refused = ReviewService(dataset, name), [], []
        for pair in first_pairs(service, state="all"):
            for number in range(5):
                position = service._index.positions[pair["pair_id"]]
                try:
                    now = service.describe(position)
                    word = f"{name}{number}"
                    service.decide({"decisions": [said(now, corrected=word)]})
                    told.append(f"{pair['pair_id']} {word}")
                except NotApplied as error:
                    refused.append(error.problems[0]["status"])
        outcomes.put((name, told, refused))

    processes = [FORK.Process(target=work, args=(name,)) for name in names]
    for process in processes:
        process.start()
    found = [outcomes.get(timeout=60) for _ in names]
    for process in processes:
        process.join()
    assert {status for _, _, refused in found for status in refused} <= {"conflicting"}
    for name, told, _ in found:
        log = [
            f"{c.pair_id} {c.instruction}" for c in read_corrections(dataset) if c.reviewer == name
        ]
        assert log == told
    # Every refusal needs an accepted edit of the other page, so at least half are accepted.
    assert sum(len(told) for _, told, _ in found) == len(read_corrections(dataset)) >= 40


def test_an_edit_of_another_page_is_seen_and_not_overwritten(dataset: Dataset) -> None:
    ann, bob = ReviewService(dataset, "Ann"), ReviewService(dataset, "Bob")
    pair = first_pairs(bob)[0]
    ann.decide({"decisions": [said(pair, corrected="castle")]})
    with pytest.raises(NotApplied) as caught:
        bob.decide({"decisions": [said(pair, corrected="boat")]})
    problem = caught.value.problems[0]
    assert "Ann said 'castle'" in problem["detail"]
    bob.decide({"decisions": [said(problem["now"], corrected="boat")]})
    assert [c.instruction for c in read_corrections(dataset)] == ["castle", "boat"]
    assert [p["pair_id"] for p in first_pairs(bob, disagreement="reviewers", state="all")] == [
        pair["pair_id"]
    ]
    assert bob.agreement()["humans"][0]["same"] == 0.0


def test_a_painted_mask_goes_into_the_shards(dataset: Dataset) -> None:
    service = ReviewService(dataset, "Ann")
    pair = first_pairs(service)[0]
    mask = np.random.default_rng(0).random((64, 80)) > 0.5
    bits = base64.b64encode(np.packbits(mask).tobytes()).decode()
    service.decide({"decisions": [said(pair, verdict="accept", mask=bits)]})
    correction = read_corrections(dataset)[0]
    stored = service.mask(pair["pair_id"], correction.mask_sha256)
    assert np.array_equal(decode_mask(stored), mask)
    video_id = pair["video_id"]
    planned = {p.pair_id: p for p in plan_video(plan_task(dataset, video_id))}
    sample = planned[pair["pair_id"]]
    assert sample.human_mask == correction.mask_sha256
    assert sample.provenance.region_rule == RegionsConfig().rule + RULE_SUFFIX
    region = read_regions(dataset, video_id)[pair["pair_id"]]
    held = effective_region(dataset, video_id, region, sample.human_mask)
    assert (held.mask, held.difference) == (stored, region.difference)

    # A spreadsheet has no masks, so an import keeps the painted one.
    rows = exported(dataset).read_text("utf-8-sig").splitlines()
    line = next(row for row in rows if row.startswith(pair["pair_id"]))
    cells = line.split(",")
    cells[rows[0].split(",").index("corrected")] = "boat"
    (dataset.root / "back.csv").write_text("\n".join([rows[0], ",".join(cells)]))
    assert import_review(dataset, dataset.root / "back.csv", "Ann").counts["applied"] == 1
    assert read_corrections(dataset)[-1].mask_sha256 == correction.mask_sha256
    now = first_pairs(service, state="mask")[0]
    service.decide({"decisions": [said(now, corrected="castle", machine_mask=True)]})
    assert first_pairs(service, state="mask") == []


def plan_task(dataset: Dataset, video_id: str) -> PlanTask:
    table, decided = read_table(dataset), effective_corrections(read_corrections(dataset))
    return PlanTask(dataset.root, video_id, table, decided, RegionsConfig(), "0", ShardsConfig())


@pytest.mark.parametrize("mask", ["", "AAAA", "not base64!", base64.b64encode(b"x" * 641).decode()])
def test_masks_of_another_size_are_refused(dataset: Dataset, mask: str) -> None:
    service = ReviewService(dataset, "Ann")
    pair = first_pairs(service)[0]
    with pytest.raises(NotApplied, match="painted mask"):
        service.decide({"decisions": [said(pair, verdict="accept", mask=mask)]})
    assert not dataset.corrections_csv.exists()


def test_replaced_labels_are_read_again(dataset: Dataset) -> None:
    service = ReviewService(dataset, "Ann")
    queue = service.queue({})
    table = dataset.instructions_parquet
    data = table.read_bytes()
    table.unlink()
    table.write_bytes(data)
    with pytest.raises(Exception, match="gone"):
        service.window(queue["queue"], 0, 1)
    assert len(first_pairs(service)) == 8
