"""`pilothouse rehearse`: what it refuses, and how it compares two rehearsals."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from command_line import said

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.programs.deals.publishing import publish_first_terms
from pilothouse.site.rehearsal_comparison import compare

pytestmark = pytest.mark.house
PATIENCE_S = 1_200
PLAYED = str(Path(__file__).parent / "played_market.py")
Copy = Callable[[Any], AbstractContextManager[Any]]


def begun(house: Any, *words: str) -> subprocess.Popen[str]:
    """Begin the command as its own process."""
    return process(["-m", "pilothouse.site.cli", "rehearse", *words], house)


def process(words: list[str], house: Any) -> subprocess.Popen[str]:
    """A fresh Python process on a house."""
    return subprocess.Popen(
        [sys.executable, *words],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def rehearse(house: Any, *words: str) -> tuple[int, str, str]:
    """The command's exit code, and what it wrote to both streams."""
    command = begun(house, *words)
    out, errors = command.communicate(timeout=PATIENCE_S)
    return command.returncode, out, errors


@pytest.fixture(autouse=True)
def _folder_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command names its data folder in the environment."""
    monkeypatch.setenv("DATA", os.environ["DATA"])


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["balloons"], "not_found: There is no program 'balloons' for this; there is deals, video."),
        (["deals", "--days", "0"], "rehearsal_length: A rehearsal lasts 1 to 400 days; 0 were asked for"),
        (["deals", "--days", "-3"], "rehearsal_length: A rehearsal lasts 1 to 400 days; -3 were asked for"),
        (["video", "--days", "99999999999"], "rehearsal_length: A rehearsal lasts 1 to 400 days; 99999999999 were"),
        (["video", "--seed", "-1"], "rehearsal_seed: A seed is a whole number from 0 to 9223372036854775807; -1 was"),
        (["video", "--seed", f"{2**63}"], "rehearsal_seed: A seed is a whole number from 0 to"),
    ],
)
def test_what_cannot_be_played_is_one_sentence_with_its_code(words: list[str], refusal: str) -> None:
    told = said("rehearse", *words)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(refusal)
    assert told.err.count("\n") == 1
    told = said("rehearse", *words, "--json")
    assert (told.code, told.err) == (1, "")
    assert told.json["error"]["code"] == refusal.partition(":")[0]


def test_terms_that_are_not_there_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "terms.json"
    for text, why in ((None, "No such file or directory"), ("{", "cannot be read as terms"), ("[]", "one JSON object")):
        if text is not None:
            file.write_text(text)
        told = said("rehearse", "deals", "--terms", file)
        assert (told.code, told.out) == (1, "")
        assert told.err.startswith(f"file_unusable: {file}: ")
        assert why in told.err
        assert told.err.count("\n") == 1


def printed_twice(both: list[subprocess.Popen[str]]) -> list[str]:
    """What two fresh processes print that work at once, each in a database of its own."""
    outs = [each.communicate(timeout=PATIENCE_S) for each in both]
    assert [each.returncode for each in both] == [0, 0], outs
    return [out for out, _errors in outs]


def test_two_fresh_processes_tell_the_same_market_byte_for_byte(timed_house: Any, copy_house: Copy) -> None:
    """Few deals in few days; the command itself is tried below, where it may take its time."""
    with copy_house(timed_house) as one, copy_house(timed_house) as two:
        first, again = printed_twice([process([PLAYED, "8", "3", "7"], house) for house in (one, two)])
    assert first == again
    told = json.loads(first)
    assert told["holds"]
    assert told["facts"]["transfers"] > 0
    assert told["faults"]["struck"]


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S)
def test_six_weeks_in_two_fresh_processes_are_the_same_bytes(shared_house: Any) -> None:
    words = "deals", "--days", "42", "--seed", "7", "--faults", "--json"
    first, again = printed_twice([begun(shared_house, *words) for _ in range(2)])
    assert first == again
    told = json.loads(first)
    assert told["holds"]
    assert told["pilot"]["signed"]


@pytest.mark.slow
def test_a_version_that_the_house_lacks_and_one_that_says_the_same_are_refused(shared_house: Any) -> None:
    unknown = rehearse(shared_house, "deals", "--days", "1", "--terms", "v7")
    assert unknown[:2] == (1, "")
    assert unknown[2].startswith("rehearsal_terms_unknown: This house has no v7 of MN_USED_CAR_PRIVATE")
    with worker_scope("test"):
        publish_first_terms()
    same = rehearse(shared_house, "deals", "--days", "1", "--terms", "v1")
    assert same[:2] == (1, "")
    assert same[2].startswith("rehearsal_terms_same: These terms say what version 1 of MN_USED_CAR_PRIVATE says")


@pytest.mark.slow
def test_terms_that_cannot_be_used_are_refused_with_their_reason(shared_house: Any, tmp_path: Path) -> None:
    (tmp_path / "terms.json").write_text('{"holdbackRatio": "2.0"}')
    code, out, errors = rehearse(shared_house, "deals", "--days", "1", "--terms", str(tmp_path / "terms.json"))
    assert (code, out) == (1, "")
    assert "These terms cannot be used" in errors
    assert errors.count("\n") == 1


def told(settled: int, verdict: str, share: float, changes: list[dict[str, str]]) -> dict[str, Any]:
    criterion = {"title": "Deals that reach SETTLED", "value": share, "unit": "share"}
    return {
        "seed": 3, "terms": {"name": "standard", "version": 1, "changes": changes},
        "pilot": {"verdict": verdict, "criteria": [criterion]},
        "money": [{"unit": "CREDIT", "parts": {"settled": settled}}],
        "series": [{"at": "", "settled": settled, "videos_made": 28}],
        "incidents": [], "lateness": {"late": 3, "worst_s": 7_200.0}, "findings": [],
    }  # fmt: skip


def test_a_comparison_names_what_differs_and_by_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    change = {"field": "cost_per_video", "before": "10", "after": "5"}
    before, after = told(280, "succeeded", 0.9, []), told(140, "failed", 0.85, [change])
    compare(before, after, "v2")
    printed = capsys.readouterr().out
    assert "cost_per_video: 10 → 5" in printed
    assert "3 of 8 lines differ." in printed
    lines = [line.split() for line in printed.splitlines()]
    for line in (
        ["v1", "v2", "difference"],
        ["Verdict", "succeeded", "failed"],
        ["Deals", "that", "reach", "SETTLED", "90.0", "%", "85.0", "%", "-5.0", "points"],
        ["Settled", "280", "credits", "140", "credits", "−140", "credits"],
        ["Videos", "made", "at", "the", "end", "28", "28"],
        ["Late", "3", "3"],
        ["Worst", "lateness", "2.0", "h", "2.0", "h"],
    ):
        assert line in lines
    compare(before, before, "v2")
    assert "v2 would not have changed this pilot" in capsys.readouterr().out


def twins(environment: dict[str, str], *words: str) -> list[tuple[int, str, str]]:
    """The same command in two processes at once, and how each ended: exit code, output, errors."""
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "pilothouse.site.cli", "rehearse", *words],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ended = [(command, *command.communicate(timeout=PATIENCE_S)) for command in commands]
    return [(command.returncode, out, errors) for command, out, errors in ended]


@pytest.mark.slow
def test_two_at_once_on_a_running_house_tell_the_same_story(house: Any) -> None:
    """The same seed draws the same ids, and so the same names of files: each has its own folder."""
    words = ("deals", "--days", "2", "--seed", "4", "--json")
    first, second = twins(house.env(PYTHONPATH=os.pathsep.join(sys.path)), *words)
    assert first == second
    assert first[0] == 0, first
    assert not list((Path(house.env()["DATA"]) / "rehearsals").glob("*")), "nothing is left"


@pytest.mark.slow
def test_two_at_once_on_a_folder_without_a_house_both_end_well(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    words = ("deals", "--days", "2", "--seed", "4", "--json", "--data", str(tmp_path / "data"))
    ended = twins(environment, *words)
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert ended[0][1] == ended[1][1]
    assert sorted(errors != "" for _, _, errors in ended) == [False, True]
    assert "this one goes on when it ends" in "".join(errors for _, _, errors in ended)
