"""An export can be checked by a stranger: the verifier alone, in a folder of its own, names what was changed."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from every_field import unnamed
from pilot_world import VideoPilot

from pilothouse.pilots import verify
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.export import export_pilot
from pilothouse.pilots.messages import send_message
from pilothouse.pilots.pilot_errors import FolderNotEmpty, NoExport
from pilothouse.pilots.verdicts import record_signal, sign_verdict

pytestmark = pytest.mark.house


@pytest.fixture(scope="module")
def signed(module_house: Any) -> VideoPilot:
    """A pilot that succeeded and was signed."""
    pilot = VideoPilot(module_house).active()
    pilot.open_key()
    made = pilot.proven()
    with pilot.ours():
        record_signal(pilot.id, "parity_question", "Is Demo the same as API?", "Ada Lund")
    pilot.proof(made)
    pilot.deliver()
    pilot.says("parity_accepted", "engineer")
    pilot.finish_all_lines()
    pilot.call()
    assert advance_all() == 1
    with pilot.ours():
        sign_verdict(pilot.id, "succeeded", "Continue")
        send_message(pilot.row, "post_pilot_summary", {}, channel="note")
    return pilot


@pytest.fixture(scope="module")
def good(signed: VideoPilot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its export."""
    folder = tmp_path_factory.mktemp("export") / "pilot"
    report = export_pilot(signed.id, folder, "test")
    assert report["state"] == "succeeded"
    return folder


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(good, tmp_path / "copy"))


def wrong(folder: Path, *heads: str) -> dict[str, list[str]]:
    """The claims that do not hold, with their problems."""
    return {claim: problems for claim, problems in verify.claims(folder, heads) if problems}


def rewrite(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file."""
    value = json.loads(path.read_text())
    changed = change(value)
    path.write_text(
        json.dumps(value if changed is None else changed, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    )


@pytest.fixture(scope="module")
def alone(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier, and nothing else, in a folder of its own."""
    folder = tmp_path_factory.mktemp("verifier")
    shutil.copy(good / "verify.py", folder)
    return folder


def told(alone: Path, folder: Path, *options: str) -> tuple[int, list[str], list[str]]:
    """(exit, the claims that hold, those that do not) by the verifier alone, without any package of ours."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(alone / "verify.py"), str(folder), *options],
        cwd=alone, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stderr == ""
    lines = ran.stdout.splitlines()
    return ran.returncode, *([line[2:] for line in lines if line.startswith(mark)] for mark in "✓✗")


def relabel(folder: Path) -> None:
    """Make the manifest, the tables and the report agree with what the files say now, as a careful forger would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for stream in verify.STREAMS:
        lines = (folder / f"{stream}.jsonl").read_text().split("\n")[:-1]
        (folder / f"{stream}.csv").write_text(verify.table(stream, lines))

    def hashed(names: Any) -> None:
        for name in names:
            data = (folder / name).read_bytes()
            manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    hashed(set(manifest["files"]) - {"REPORT.md"})
    pilot, criteria = (json.loads((folder / f"{name}.json").read_text()) for name in ("pilot", "criteria"))
    (folder / "REPORT.md").write_text(verify.report(pilot, criteria, manifest))
    hashed(["REPORT.md"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def in_stream(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace the first such text in a stream."""

    def change(folder: Path) -> None:
        path = folder / f"{name}.jsonl"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def drop_line(name: str) -> Callable[[Path], None]:
    """Take the last row of a stream away."""

    def change(folder: Path) -> None:
        path = folder / f"{name}.jsonl"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    return change


def in_json(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Change a JSON file."""
    return lambda folder: rewrite(folder / name, change)


def set_(index: int | str, key: str, value: Any) -> Callable[[Any], None]:
    """Set one field of one row."""

    def change(rows: Any) -> None:
        assert rows[index][key] != value
        rows[index][key] = value

    return change


def in_proof(video: int, key: str, value: Any) -> Callable[[Any], None]:
    """Set one field of one video on one side of the first proof."""
    return lambda rows: set_(video, key, value)(rows[0]["body"]["second"]["items"])


def forged_body(rows: Any) -> None:
    """A webhook that told another amount, with its hash."""
    message = next(row for row in rows if row["type"] == "batch.completed")
    message["body"] = message["body"].replace('"refunded":20', '"refunded":30')
    message["body_sha256"] = hashlib.sha256(message["body"].encode()).hexdigest()


def forged_paper(text: str) -> Callable[[Path], None]:
    """Other words in a report, with its inputs and both of its hashes, by somebody who knows how it is made."""

    def change(folder: Path) -> None:
        runbook = json.loads((folder / "runbook.json").read_text())
        body = next(each for each in runbook["texts"] if each["id"] == text)["body"]

        def edit(rows: Any) -> None:
            row = next(each for each in rows if each["text"] == text)
            slots = row["inputs"]["slots"]
            name = next(each for each in sorted(slots) if f"{{{each}}}" in body)
            slots[name] = "better than it was"
            row["body"] = verify.filled(body, slots)
            assert "better than it was" in row["body"]
            row["inputs_sha256"] = verify.canonical(row["inputs"])
            row["body_sha256"] = hashlib.sha256(row["body"].encode()).hexdigest()

        rewrite(folder / "papers.json", edit)

    return change


def set_later(key: str) -> Callable[[Any], None]:
    """Move an instant by an hour."""

    def change(pilot: Any) -> None:
        pilot[key] += 3_600_000_000

    return change


def easier(folder: Path) -> None:
    """A runbook that asks for less, and a pilot that is pinned to it."""
    rewrite(folder / "runbook.json", lambda runbook: runbook["criteria"][0].update(target=">= 0"))
    body = json.loads((folder / "runbook.json").read_text())
    rewrite(folder / "pilot.json", lambda pilot: pilot.update(runbook_hash=verify.canonical(body)))


VERDICT = "The verdict follows from the criteria"
FRAME = "The pilot began and ended as its timeline says"
SEALS = "The seals hold every row of ledger and timeline"
EQUATION = "reserved = settled + refunded for every batch"
PAPERS = "Every message and report is what was sealed"
RUNBOOK = "The runbook is the pinned one"
PARITY = "Every proof of parity follows from its parameters"
FAILURES = "Every failure condition follows from the rows"
PLANTED = {
    "an amount in the ledger": (in_stream("ledger", '"settle", 10,', '"settle", 90,'), SEALS),
    "a journal's kind": (in_stream("ledger", '"settle"', '"refund"'), SEALS),
    "a ledger row taken away": (drop_line("ledger"), SEALS),
    "an event's words": (in_stream("timeline", "finish", "finisH"), SEALS),
    "a seal's number of rows": (in_json("seals.json", set_(0, "rows", 1)), SEALS),
    "a balance": (in_json("accounts.json", set_(0, "balance", 777)), "Every balance follows from its transfers"),
    "a batch's refund": (in_json("batches.json", set_(0, "refunded", 30)), EQUATION),
    "a webhook with its hash": (in_json("messages.json", forged_body), "Every webhook told what the ledger has"),
    "a confirmation's bytes": (
        in_json("confirmations.json", set_(0, "body_sha256", "0" * 64)), "Every criterion follows from the rows",
    ),
    "the pilot's beginning": (in_json("pilot.json", set_later("since")), FRAME),
    "the pilot's deadline": (in_json("pilot.json", set_later("until")), FRAME),
    "that its time is over": (in_json("pilot.json", lambda pilot: {**pilot, "is_over": False}), FRAME),
    "that it was given up": (in_json("pilot.json", lambda pilot: {**pilot, "gave_up": True}), FRAME),
    "that it was signed": (in_json("pilot.json", lambda pilot: {**pilot, "verdict": "", "verdict_by": ""}), VERDICT),
    "who signed it": (in_json("pilot.json", lambda pilot: {**pilot, "verdict_by": "operator:x@x.example"}), VERDICT),
    "another runbook with its hash": (easier, FRAME),
    "the runbook's target": (in_json("runbook.json", set_("criteria", 0, {})), RUNBOOK),
    "a criterion's value": (
        lambda folder: rewrite(folder / "criteria.json", lambda c: set_(0, "value", 9)(c["criteria"])),
        "Every criterion follows from the rows",
    ),
    "a report with its hashes": (forged_paper("post_pilot_summary"), PAPERS),
    "a proof's bytes": (in_json("proofs.json", in_proof(0, "media_sha256", "f" * 64)), PARITY),
    "a proof's prompt": (in_json("proofs.json", in_proof(2, "params", {"prompt": "Another"})), PARITY),
    "a proof's fingerprint": (in_json("proofs.json", set_(0, "first_fingerprint", "0" * 64)), PARITY),
    "a proof's verdict": (in_json("proofs.json", set_(0, "state", "fail")), PARITY),
    "a proof taken away": (in_json("proofs.json", lambda _: []), PARITY),
    "a question taken back by nobody": (in_json("proofs.json", lambda _: []), FAILURES),
    "a question that is said to stand": (
        lambda folder: rewrite(folder / "criteria.json", lambda c: set_(3, "cleared", False)(c["failures"])), FAILURES,
    ),
    "the verdict": (
        lambda folder: rewrite(folder / "criteria.json", lambda c: {**c, "state": "failed"}), VERDICT,
    ),
}  # fmt: skip


def test_a_good_export_passes_in_an_empty_folder_with_the_verifier_alone(good: Path, alone: Path) -> None:
    heads = json.loads((good / "manifest.json").read_text())["heads"]
    code, holds, fails = told(alone, good, "--head", heads["ledger"])
    assert (code, len(holds), fails) == (0, len(verify.CLAIMS) + 1, [])
    assert [path.name for path in alone.iterdir()] == ["verify.py"]


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_change_is_named_by_the_manifest(copy: Path, name: str) -> None:
    PLANTED[name][0](copy)
    assert "Every file is as it was exported" in wrong(copy)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_change_with_the_report_and_every_hash_made_to_fit_is_named(copy: Path, alone: Path, name: str) -> None:
    change, claim = PLANTED[name]
    change(copy)
    relabel(copy)
    code, holds, fails = told(alone, copy)
    assert code == 1
    assert "Every file is as it was exported" in holds
    assert "The report says what the files say" in holds
    assert claim in fails


def test_no_field_of_any_table_can_be_changed_unnamed(copy: Path) -> None:
    """Also when manifest, tables and report are made to fit: the timeline holds the hash of each file."""
    assert unnamed(copy, relabel, verify.claims) == []


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("pilot.json", lambda pilot: pilot.update(as_of=pilot["as_of"] + 1)),
        ("criteria.json", lambda criteria: criteria["p0"].append("inc_made_up")),
    ],
)
def test_the_instant_and_the_open_p0s_are_sealed(copy: Path, file: str, change: Callable[[Any], Any]) -> None:
    rewrite(copy / file, change)
    relabel(copy)
    assert wrong(copy) == {
        "Every other file has the hash that was sealed at the export": [
            f"{file} is not the file whose hash the timeline sealed"
        ]
    }


def test_an_export_is_told_in_the_timeline_of_its_pilot(signed: VideoPilot, good: Path) -> None:
    manifest = json.loads((good / "manifest.json").read_text())
    last = json.loads((good / "timeline.jsonl").read_text().splitlines()[-1])
    assert last[10] == "export"
    sealed = json.loads(last[11])
    assert sealed["reader"] == "ours"
    assert {"confirmations.json", "criteria.json", "pilot.json"} < set(sealed["files"])
    assert all(manifest["files"][name]["sha256"] == told for name, told in sealed["files"].items())


def test_a_folder_forged_with_its_seals_has_other_heads(copy: Path) -> None:
    known = json.loads((copy / "manifest.json").read_text())["heads"]
    in_stream("timeline", "finish", "finisH")(copy)
    lines = (copy / "timeline.jsonl").read_text().split("\n")[:-1]
    seals = json.loads((copy / "seals.json").read_text())
    previous = ""
    for block in (each for each in seals if each["stream"] == "timeline"):
        rows, lines = lines[: block["rows"]], lines[block["rows"] :]
        block["previous"] = previous
        own = ["block", 1, block["tenant"], "timeline", *(block[name] for name in verify.BLOCK)]
        leaves = b"".join(hashlib.sha256(line.encode()).digest() for line in rows)
        block["hash"] = previous = hashlib.sha256(json.dumps(own).encode() + b"\n" + leaves).hexdigest()
    rewrite(copy / "seals.json", lambda _: seals)
    rewrite(copy / "manifest.json", lambda value: value["heads"].update(timeline=previous))
    relabel(copy)
    assert SEALS not in wrong(copy)
    assert wrong(copy, known["timeline"])["The heads are those that you were given"]


def test_a_customers_export_holds_no_internal_word_and_passes(
    signed: VideoPilot, shared_house: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "customer"
    export_pilot(signed.id, folder, "test", reader="customer")
    assert wrong(folder) == {}
    lines = (folder / "timeline.jsonl").read_text().split("\n")[:-1]
    assert any(line.startswith("#") for line in lines)
    assert not any('"internal"' in line for line in lines)


def test_an_export_needs_a_new_folder_and_an_activated_pilot(
    signed: VideoPilot, shared_house: Any, good: Path, tmp_path: Path
) -> None:
    with pytest.raises(FolderNotEmpty):
        export_pilot(signed.id, good, "test")
    other = VideoPilot(signed.house, "Early")
    with pytest.raises(NoExport):
        export_pilot(other.id, tmp_path / "early", "test")
    assert not (tmp_path / "early").exists()


def test_what_is_no_export_is_said_in_one_line(tmp_path: Path, good: Path) -> None:
    assert "cannot be read" in next(iter(wrong(tmp_path).values()))[0]
    bad = Path(shutil.copytree(good, tmp_path / "bad"))
    (bad / "criteria.json").write_text("[]")
    assert wrong(bad)
