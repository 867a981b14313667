"""The demo through a real process tree: every number of its proof, compared with every place that tells it."""

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx2 as httpx
import pytest
from live_tree import LiveTree, cli, data_folder, demo, left_behind
from PIL import ImageChops, ImageStat

from pilothouse.programs.video.demo_receiver import Receiver
from pilothouse.programs.video.providers.protocol import SIZES
from pilothouse.site.tree import running

pytestmark = pytest.mark.faults

LEAST_KEYS = {
    "batch_id", "request_id", "summary", "ledger", "webhook", "promises", "outputs", "media", "seconds",
}  # fmt: skip
PROMISES = {"execution": True, "billing": True, "refund": True, "parity": True}


@pytest.fixture(scope="module")
def tree() -> Iterator[LiveTree]:
    """A tree that stays up, as after `make run`."""
    with data_folder() as data:
        live = LiveTree(data).up()
        yield live
        live.stop()
        assert running(data) is None


@pytest.fixture(scope="module")
def auditor(tree: LiveTree, proof: dict[str, Any]) -> Iterator[httpx.Client]:
    """A key of the demo customer for the comparing, so that the demo's own limit is left to the demo."""
    tenant = json.loads((tree.data / "demo.json").read_text())["tenant_id"]
    made = cli(tree.data, "key", "issue", tenant, "--name", "auditor", "--rate-limit", "10000", "--json")
    assert made.returncode == 0, made.stderr
    with tree.client(json.loads(made.stdout)["key"]) as client:
        yield client


@pytest.fixture(scope="module")
def proof(tree: LiveTree) -> dict[str, Any]:
    """The demo with its defaults, on the tree that runs."""
    return demo(tree.data)


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def compare(proof: dict[str, Any], client: httpx.Client, total: int, failed: int) -> None:
    """Every number of the proof against the batch, the items, the ledger, the CSV, the raw webhook body and itself."""
    batch_id, good = proof["batch_id"], total - failed
    money = {"reserved": total * 10, "settled": good * 10, "refunded": failed * 10}
    assert set(proof) >= LEAST_KEYS
    assert proof["summary"] == {"total": total, "succeeded": good, "failed": failed}
    assert proof["ledger"] == {**money, "in_flight": 0}
    assert proof["promises"] == PROMISES
    assert proof["seconds"] > 0

    batch = ok(client.get(f"/v1/batches/{batch_id}"))
    assert (batch["status"], batch["request_id"]) == ("completed", proof["request_id"])
    assert batch["ledger"] == proof["ledger"]
    assert {key: batch["summary"][key] for key in proof["summary"]} == proof["summary"]
    assert batch["webhook"]["status"] == proof["webhook"]["status"] == "delivered"

    rows = ok(client.get("/v1/ledger", params={"batch_id": batch_id, "limit": 200}))["rows"]
    told = Counter(dict.fromkeys(("freeze", "settle", "refund"), 0))
    for row in rows:
        told[row["type"]] += row["amount"]
    assert told == {"freeze": money["reserved"], "settle": money["settled"], "refund": money["refunded"]}

    text = client.get("/v1/ledger", params={"batch_id": batch_id, "format": "csv"}).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["type"], int(line["amount"])) for line in lines] == [(row["type"], row["amount"]) for row in rows]
    assert {line["request_id"] for line in lines} == {proof["request_id"]}

    raw = Path(proof["webhook"]["body_path"]).read_bytes()
    assert proof["webhook"]["verified"] is True
    assert proof["webhook"]["attempts"] == 1
    assert json.loads(raw) == {
        "event": "batch.completed",
        "batch_id": batch_id,
        "request_id": proof["request_id"],
        "summary": proof["summary"],
        "ledger": money,
        "timestamp": batch["completed_at"],
    }

    items = ok(client.get(f"/v1/batches/{batch_id}/items", params={"limit": 200}))["items"]
    assert Counter(item["status"] for item in items) == Counter({"succeeded": good, "refunded": failed})
    # What is refused is refused for its content, so the failing ones are those that asked for it.
    refused = {item["position"] for item in items if "explicit" in item["params"]["prompt"]}
    assert {item["position"] for item in items if item["status"] == "refunded"} == refused
    assert {item["failure_reason"] for item in items if item["status"] == "refunded"} <= {"param_error"}
    by_position = {item["position"]: item for item in items}
    assert proof["outputs"] == [each["path"] for each in proof["media"]]
    assert len(proof["media"]) == len(set(proof["outputs"])) == good
    for each in proof["media"]:
        item = by_position[each["position"]]
        assert item["output"]["media_sha256"] == each["media_sha256"]
        assert (item["params"]["aspect"], item["params"]["seconds"]) == (each["aspect"], each["seconds"])


def watch(media: list[dict[str, Any]]) -> None:
    """Each file decodes whole, has the asked size and length, moves, and is not its neighbour."""
    first_frames = []
    for each in media:
        with av.open(each["path"]) as container:
            stream = container.streams.video[0]
            frames = list(container.decode(stream))
            assert (stream.width, stream.height) == SIZES[each["aspect"]]
            assert stream.average_rate is not None
            assert Fraction(len(frames)) / stream.average_rate == each["seconds"]
            first, last = (frames[at].to_image().convert("L") for at in (0, -1))
        assert ImageChops.difference(first, last).getbbox()
        first_frames.append(first)
    for one, other in itertools.pairwise(first_frames):
        # A mean difference of more than one grey step: another picture, not another compression of the same one.
        assert one.size != other.size or ImageStat.Stat(ImageChops.difference(one, other)).mean[0] > 1
    assert len({each["media_sha256"] for each in media}) == len(media)


def hashes(proof: dict[str, Any]) -> list[tuple[int, str]]:
    return [(each["position"], each["media_sha256"]) for each in proof["media"]]


def test_every_number_is_told_alike_everywhere(proof: dict[str, Any], auditor: httpx.Client) -> None:
    compare(proof, auditor, 10, 1)


def test_the_videos_are_what_was_asked_for(proof: dict[str, Any]) -> None:
    watch(proof["media"])


def test_a_second_run_and_a_fresh_house_make_the_same_videos(tree: LiveTree, proof: dict[str, Any]) -> None:
    again = demo(tree.data)
    assert again["batch_id"] != proof["batch_id"]
    assert hashes(again) == hashes(proof)
    with data_folder() as data:
        # No tree runs here: the command starts one for itself and leaves nothing of it.
        fresh = demo(data)
        assert left_behind(data) == []
        assert running(data) is None
        assert hashes(fresh) == hashes(proof)
        assert fresh["ledger"] == proof["ledger"]


@pytest.mark.slow
def test_thirty_seven_items_of_which_five_fail(tree: LiveTree, proof: dict[str, Any], auditor: httpx.Client) -> None:
    larger = demo(tree.data, "--items", "37", "--fail", "5")
    assert larger["ledger"] == {"reserved": 370, "settled": 320, "refunded": 50, "in_flight": 0}
    compare(larger, auditor, 37, 5)
    watch(larger["media"])


def test_the_command_line_csv_has_the_same_rows(tree: LiveTree, proof: dict[str, Any], auditor: httpx.Client) -> None:
    tenant = json.loads((tree.data / "demo.json").read_text())["tenant_id"]
    done = cli(tree.data, "ledger", "export", tenant, "--batch", proof["batch_id"])
    assert done.returncode == 0, done.stderr
    over_http = auditor.get("/v1/ledger", params={"batch_id": proof["batch_id"], "format": "csv"}).text
    assert list(csv.reader(io.StringIO(done.stdout))) == list(csv.reader(io.StringIO(over_http)))


def test_check_finds_nothing(tree: LiveTree, proof: dict[str, Any]) -> None:
    done = cli(tree.data, "check", "--json")
    report = json.loads(done.stdout)
    assert [each for each in report["invariants"] if each["rows"]] == []
    assert {name: each["ok"] for name, each in report["promises"].items()} == PROMISES
    assert done.returncode == 0, report["guards"]


def test_a_forged_body_is_not_believed(proof: dict[str, Any], tmp_path: Path) -> None:
    """The receiver of the proof really verifies."""
    receiver = Receiver(tmp_path)
    receiver.trust("whsec_" + "A" * 32)
    raw = Path(proof["webhook"]["body_path"]).read_bytes()
    with receiver:
        answer = httpx.post(
            receiver.url, content=raw, trust_env=False,
            headers={"webhook-id": "msg_x", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"},
        )  # fmt: skip
    assert answer.status_code == 401
    assert not receiver.wait(proof["batch_id"], 0.1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("video", "--items", "9"), 2, "should be greater than or equal to 10"),
        (("video", "--items", "10", "--fail", "11"), 2, "--fail cannot be more than --items"),
        (("weather",), 1, "There is no program 'weather' for this; there is deals, video, pilot."),
    ],
)
def test_wrong_arguments_are_refused_in_words(tree: LiveTree, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = cli(tree.data, "demo", *arguments, "--data", str(tree.data), "--json")
    assert (done.returncode, done.stderr) == (code, "")
    assert said in json.loads(done.stdout)["error"]["message"]
