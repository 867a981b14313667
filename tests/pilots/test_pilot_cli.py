"""`pilothouse pilot …` and `pilothouse runbook …`: every command, on pilots that end in each way."""

from pathlib import Path
from typing import Any

import pytest
from command_line import said
from pilot_world import EXPECTED, VideoPilot, complete, open_batch

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.watch import promises
from pilothouse.kernel.watch.commands import open_incident
from pilothouse.pilots.pausing import follow_gates
from pilothouse.pilots.registry import runbook_files
from pilothouse.site.cli.pilot import pilot_app

pytestmark = pytest.mark.house
US = "operator@ours.example"
REFUSED = 1


class Shell:
    """Somebody at the command line of a house; remembers which commands were given."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    def plain(self, *words: object, code: int = 0) -> str:
        """What a command prints for a person."""
        self.given.add(" ".join(map(str, words[:2])))
        done = said(*words)
        assert done.code == code, (words, done.out, done.err)
        return done.out + done.err

    def __call__(self, *words: object, code: int = 0) -> Any:
        """The JSON that it prints; of a refusal the error."""
        self.given.add(" ".join(map(str, words[:2])))
        done = said(*words, "--json")
        assert done.code == code, (words, done.out, done.err)
        return done.json if code == 0 else done.json["error"]


@pytest.fixture
def shell() -> Shell:
    return Shell()


def qualified(shell: Shell, world: VideoPilot, *more: str) -> Any:
    return shell(
        "pilot", "qualify", world.id, "--contact", "Ada", "--email", "ada@northwind.example", "--as", US, *more
    )


def test_a_pilot_is_led_from_the_shell_and_retried_and_closed(timed_house: Any, shell: Shell, tmp_path: Path) -> None:
    world = VideoPilot(timed_house)
    by = ("--as", US)
    assert shell("pilot", "abandon", world.id, "withdrawn", "--note", "Begins later", *by)["state"] == "closed"
    world.id = shell("pilot", "create", world.tenant.public_id, "video", *by)["pilot"]
    assert [row["pilot"] for row in shell("pilot", "list", "--state", "prospect")] == [world.id]
    assert world.id in shell.plain("pilot", "list")
    assert qualified(shell, world)["state"] == "qualified"
    assert shell("pilot", "lock", world.id, *by, code=REFUSED)["code"] == "expectations_open"
    for line in EXPECTED:
        world.says(line, "engineer")
    assert shell("pilot", "prepare", world.id, *by)["state"] == "preparing"
    world.checklist()
    promises.run()
    refused = shell("pilot", "activate", world.id, *by, code=REFUSED)
    assert "rollback" in refused["message"].lower()
    assert [step["ok"] for step in shell("pilot", "drill", world.id, *by)["steps"]].count(False) == 0
    begun = shell("pilot", "activate", world.id, *by)
    assert (begun["state"], begun["outcome"], bool(begun["key_link"])) == ("active", "active", True)
    assert shell("pilot", "tick", world.id, "batch_completed", *by, code=REFUSED)["code"] == "line_not_yours"
    shell("pilot", "tick", world.id, "deliverables", "--evidence", "Mailed", *by)
    assert world.line("deliverables") == "done"

    assert shell("pilot", "pause", world.id, "A look at it.", *by)["paused"] == "operator"
    assert shell("pilot", "resume", world.id, *by)["state"] == "active"
    shell("pilot", "pause", world.id, "They asked.", "--reason", "customer", "--no-dispatch", *by)
    assert shell("pilot", "give-up", world.id, "--note", "No answer", *by)["state"] == "review"

    now = shell("pilot", "verdict", world.id)
    assert (now["state"], now["signed_by"]) == ("failed", "")
    assert shell("pilot", "verdict", world.id, "--sign", "succeeded", "--recommendation", "Continue", *by,
                 code=REFUSED)["code"] == "verdict_changed"  # fmt: skip
    assert "--as" in shell.plain("pilot", "verdict", world.id, "--sign", "failed", "--recommendation", "Pause", code=2)
    signed = shell("pilot", "verdict", world.id, "--sign", "failed", "--recommendation", "Pause", *by)
    assert (signed["state"], signed["signed_by"]) == ("failed", f"operator:{US}")
    assert "signed by" in shell.plain("pilot", "verdict", world.id)

    assert shell("pilot", "retry", world.id, *by, code=REFUSED)["code"] == "fix_open"
    shell("pilot", "fix", world.id, "theirs", "Webhook not set up", *by)
    assert shell("pilot", "retry", world.id, *by, code=REFUSED)["code"] == "fix_open"
    shell("pilot", "fix", world.id, "theirs", "Webhook not set up", "--change", "We set it up together", *by)
    again = shell("pilot", "retry", world.id, *by)
    assert (again["state"], again["attempt"]) == ("preparing", 2)
    world.checklist()
    promises.run()
    # Given up on while it was paused: the drill, which ends by reopening a gate, does not open what a person closed.
    assert "They asked." in shell("pilot", "drill", world.id, *by, code=REFUSED)["message"]
    shell("pilot", "resume", world.id, *by)
    shell("pilot", "drill", world.id, *by)
    shell("pilot", "activate", world.id, *by)
    world.pass_time(hours=49)
    shell("pilot", "verdict", world.id, "--sign", "failed", "--recommendation", "Close", *by)
    assert shell("pilot", "close", world.id, "Close", *by)["state"] == "closed"

    _texts(shell, world, tmp_path)
    body = shell("pilot", "show", world.id)
    assert {line["by"] for phase in body["phases"] for line in phase["lines"] if line["kind"] == "ours" and line["by"]}
    assert "Verdict now: failed" in shell.plain("pilot", "show", world.id)
    _upgraded(shell, VideoPilot(timed_house, "Southwind"))
    every = {f"pilot {command.name or command.callback.__name__}" for command in pilot_app.registered_commands}
    assert every == {command for command in shell.given if command.startswith("pilot ")}


def _texts(shell: Shell, world: VideoPilot, folder: Path) -> None:
    """What a pilot says, by command."""
    paper = folder / "update.pdf"
    told = shell("pilot", "text", world.id, "internal_update", "--say", "notes=All well", "--out", paper)
    assert paper.read_bytes().startswith(b"%PDF")
    assert "All well" in told["body"]
    assert "All well" in shell.plain("pilot", "text", world.id, "internal_update", "--say", "notes=All well")
    shell.plain("pilot", "text", world.id, "internal_update", "--say", "mood=fine", code=2)
    files = shell("pilot", "reports", world.id, "--out", folder / "reports")["files"]
    assert files
    assert all(Path(path).stat().st_size for path in files)
    sent = shell(
        "pilot", "send", world.id, "internal_update", "--channel", "note", "--say", "notes=All well", "--as", US
    )
    assert sent["message"] in {row["public_id"] for row in shell("pilot", "messages", world.id)}
    assert "internal_update" in shell.plain("pilot", "messages", world.id)


def _upgraded(shell: Shell, world: VideoPilot) -> None:
    """A pilot that becomes a contract."""
    world.active()
    by = ("--as", US)
    asked, again = world.batch(), open_batch(world.house, tenant=world.tenant, request_id="again", entry="page")
    pair = (again.public_id, asked.public_id)
    assert shell("pilot", "prove", world.id, *pair, *by, code=REFUSED)["code"] == "parity_not_kept"
    complete(again)
    kept = shell("pilot", "prove", world.id, *pair, *by)
    assert (kept["state"], kept["accepted"], [each["second"] for each in kept["proofs"]]) == ("pass", None, [pair[1]])
    world.says("parity_accepted", "owner")
    assert "accepted by owner@southwind.example" in shell.plain("pilot", "show", world.id)
    assert shell("pilot", "upgrade", world.id, *by, code=REFUSED)["code"] == "no_contract_signal"
    assert (
        shell("pilot", "signal", world.id, "whim", "Hm?", "--person", "Ada", *by, code=REFUSED)["code"]
        == "invalid_input"
    )
    shell("pilot", "signal", world.id, "sla_contract", "Do we need a contract?", "--person", "Ada", *by)
    done = shell("pilot", "upgrade", world.id, *by)
    assert done["state"] == "enterprise"
    assert done["key_link"]


def test_nobody_acts_in_a_name_that_may_not(house: Any, shell: Shell) -> None:
    world = VideoPilot(house)
    for name in ("nobody@ours.example", "support@ours.example", "owner@northwind.example"):
        refused = shell("pilot", "abandon", world.id, "withdrawn", "--as", name, code=REFUSED)
        assert refused["code"] == "forbidden"
    assert world.row.state == "prospect"
    assert shell("pilot", "show", "pil_nothing", code=REFUSED)["code"] == "not_found"
    rejected = qualified(shell, world, "--yes", "expects_sla")
    assert rejected["state"] == "rejected"


def test_a_p0_is_in_the_way_of_every_step(house: Any, shell: Shell) -> None:
    world = VideoPilot(house).active()
    with worker_scope("check"):
        open_incident("data_integrity", "Rows differ", program="video", tenant=world.tenant.id)
    assert follow_gates() == 1
    by = ("--as", US)
    assert shell("pilot", "resume", world.id, *by, code=REFUSED)["code"] == "resume_refused"
    shell("pilot", "give-up", world.id, *by)
    sign = ("pilot", "verdict", world.id, "--recommendation", "Close", *by, "--sign")
    for other in ("succeeded", "inconclusive"):
        assert shell(*sign, other, code=REFUSED)["code"] == "verdict_changed"
    assert shell(*sign, "failed")["reasons"][0] == "open_p0"


def test_a_runbook_is_checked_and_published_from_a_file(house: Any, shell: Shell, tmp_path: Path) -> None:
    world = VideoPilot(house)
    first = next(path for program, path in runbook_files() if program == "video")
    text = first.read_text(encoding="utf-8")
    rows = {row["name"]: row for row in shell("runbook", "list")}
    assert (rows["video"]["version"], rows["video"]["pilots"], rows["video"]["file"]) == (1, 1, str(first))
    assert "video" in shell.plain("runbook", "list")
    assert shell("runbook", "publish", first)["sha256"] == rows["video"]["hash"], "the same again is the same"

    file = tmp_path / "video_v2.toml"
    second = text.replace("version = 1\n", "version = 2\n")
    for old, new, code in (
        ('check = "first_call"', 'check = "weather"', "runbook_unknown_check"),
        ("fail_at = ", "fails_at = ", "runbook_missing_fail_at"),
        ("deadline_hours = 48", "deadline_hours = 2026-01-01", "runbook_malformed"),
        ("deadline_hours = 48", "deadline_hours = ", "runbook_malformed"),
        ("Failed items are automatically refunded.", "Nine in ten always succeed.", "forbidden_promise"),
    ):
        assert old in second
        file.write_text(second.replace(old, new, 1), "utf-8")
        for command in ("check", "publish"):
            assert shell("runbook", command, file, code=REFUSED)["code"] == code
    file.write_text(text.replace("version = 1\n", "version = 3\n"), "utf-8")
    assert "next version of video is 2" in shell("runbook", "publish", file, code=REFUSED)["message"]
    file.write_bytes(text.encode("utf-16"))
    assert "UTF-8" in shell("runbook", "check", file, code=REFUSED)["message"]
    assert [row["version"] for row in shell("runbook", "list") if row["name"] == "video"] == [1]

    file.write_text(
        text.replace("version = 1\n", "version = 2\n").replace("deadline_hours = 48", "deadline_hours = 72")
    )
    assert shell("runbook", "check", file)["lines"] > 40
    assert "v2" in shell.plain("runbook", "check", file)
    made = shell("runbook", "publish", file, "--note", "A weekend between", "--as", US)
    assert (made["version"], made["state"]) == (2, "published")
    with worker_scope("test"):
        from pilothouse.kernel.terms.queries import versions

        assert versions("runbook", "video")[0]["published_by"] == f"operator:{US}"
    other = VideoPilot(house, "Southwind")
    assert (world.row.runbook_version, other.row.runbook_version) == (1, 2)
