"""Every command of the command line refuses in one way: one sentence or one JSON object, and the exit code for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, said
from typer.core import TyperOption

from pilothouse.site.cli import parser
from pilothouse.site.cli.refusals import EXIT_DONE, EXIT_REFUSED, EXIT_USAGE

REFUSED, USAGE = EXIT_REFUSED, EXIT_USAGE
# The name of nothing, for whatever a command wants to know.
NOTHING = "nothing_1"
# They start processes that stay, measure for minutes or work without a house: their words are tried, not their work.
NEVER_RUN = {"up", "web", "live", "worker", "bench"}
# They answer a question about everything, so that there is nothing unknown to ask them for.
ASK_FOR_NOTHING = {
    "check", "slo", "migrate", "errors", "checklist enterprise", "database upgrade", "deals list", "deals terms list",
    "deals terms matrix", "gates list", "grant list", "incidents list", "ledger seal", "operator add", "payouts files",
    "pilot list", "runbook list", "tenant create", "tenant list", "backup write", "ledger verify-seals", "verify",
}  # fmt: skip
# What makes a question wrong that may be left out; what makes a whole command of one that needs one of two.
WRONG = {
    "deals list": "--state", "pilot list": "--state", "errors": "--kind", "ledger verify-seals": "--tenant",
    "tenant create": "--timezone", "operator add": "--role",
}  # fmt: skip
# Groups whose first word may also be a folder.
FREE_WORD = {"backup"}
EITHER = {"deals terms create": "--from"}
# A file or a screen is what they give, or nothing but a sentence: there is no JSON of it.
WITHOUT_JSON = {"up", "web", "live", "worker", "migrate", "database upgrade", "ledger export", "payouts file"}


def commands(group: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """(name, command) of every command that the parser knows."""
    for name, command in (group or parser()).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


EVERY = dict(commands())


def value(parameter: Any, folder: Path) -> str:
    """A value that a parameter's type accepts, and that names nothing which is there."""
    kind, about = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info
    if parameter.name in ("begin", "end"):
        return "2026-03"
    if kind is int:
        return str(parameter.min or 10)
    if kind is Path and about.exists and not about.file_okay:
        return str(folder)
    if kind is Path and about.exists:
        file = folder / "words.txt"
        file.write_text("Words")
        return str(file)
    return str(folder / "nothing" / "there") if kind is Path else NOTHING


def words(name: str, folder: Path) -> list[str]:
    """The command with everything that it must be given."""
    given = [*name.split(), *([EITHER[name], NOTHING] if name in EITHER else [])]
    for parameter in EVERY[name].params:
        if parameter.required:
            option = [parameter.opts[0]] if isinstance(parameter, TyperOption) else []
            given += [*option, value(parameter, folder)]
    return given


def is_refused(done: Said, as_json: bool, code: int) -> str:
    """The machine code of a refusal that is told as all of them are."""
    assert done.code == code, done.out + done.err
    assert "Traceback" not in done.err
    if as_json:
        error = done.json["error"]
        assert (done.json["ok"], set(error) >= {"code", "message"}) == (False, True)
        assert error["message"]
        return str(error["code"])
    assert done.out == ""
    (line,) = done.err.splitlines()
    found, _, sentence = line.partition(": ")
    assert found.isidentifier(), line
    assert sentence[0].isupper() or not sentence[0].isalpha(), line
    return found


@pytest.mark.unit
def test_every_command_that_answers_can_answer_in_json() -> None:
    assert {name for name, command in EVERY.items() if "--json" not in options(command)} == WITHOUT_JSON
    assert set(EVERY) > NEVER_RUN | ASK_FOR_NOTHING


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def refusals(name: str, given: list[str], code: int) -> set[str]:
    """The machine codes with which a command refuses these words, told for a person and in JSON."""
    ways = [[]] if name in WITHOUT_JSON and code == REFUSED else [[], ["--json"]]
    return {is_refused(said(*given, *more), bool(more), code) for more in ways}


@pytest.mark.unit
@pytest.mark.parametrize("name", EVERY)
def test_wrong_words_are_told_before_anything_is_done(name: str, tmp_path: Path) -> None:
    """An option that is not there, too many arguments, a required value left out, a word for a number."""
    right = words(name, tmp_path)
    assert refusals(name, [*right, "--nonsense"], USAGE) == {"usage"}
    assert refusals(name, [*right, *["too many"] * 9], USAGE) == {"usage"}
    if len(right) > len(name.split()):
        assert refusals(name, name.split(), USAGE) == {"usage"}
    for parameter in EVERY[name].params:
        if isinstance(parameter, TyperOption) and parameter.type_descriptor.annotation is int:
            assert refusals(name, [*right, parameter.opts[0], "many"], USAGE) == {"usage"}


@pytest.mark.unit
@pytest.mark.parametrize("group", ["", *sorted({name.rpartition(" ")[0] for name in EVERY} - {"", *FREE_WORD})])
def test_a_misspelt_command_is_told_with_the_one_that_was_meant(group: str) -> None:
    known = max((name for name in EVERY if name.rpartition(" ")[0] == group), key=len)
    told = said(*f"{known}{known[-1]}".split())
    assert is_refused(told, False, USAGE) == "usage"
    assert "Did you mean" in told.err
    assert f"'{known.split()[-1]}'" in told.err


@pytest.mark.house
@pytest.mark.parametrize("name", sorted({*EVERY} - NEVER_RUN - ASK_FOR_NOTHING | {*WRONG}))
def test_what_is_unknown_is_refused_in_one_sentence(
    shared_house: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = [WRONG[name], NOTHING] if name in WRONG else []
    (told,) = refusals(name, [*words(name, tmp_path), *wrong], REFUSED)
    assert told not in ("internal_error", "database_unreachable", "database_old_shape"), told


@pytest.mark.house
@pytest.mark.parametrize("name", sorted(ASK_FOR_NOTHING - {"checklist enterprise", "database upgrade", "migrate"}))
def test_what_asks_for_nothing_is_answered(
    shared_house: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a command is not among those which can be refused is itself looked at."""
    monkeypatch.chdir(tmp_path)
    done = said(*words(name, tmp_path))
    assert "Traceback" not in done.err
    assert done.code in (EXIT_DONE, EXIT_REFUSED)
    if done.code == EXIT_REFUSED and not done.out:
        is_refused(done, False, REFUSED)


@pytest.mark.unit
@pytest.mark.parametrize("name", sorted({*EVERY} - NEVER_RUN - {"verify", "demo", "migrate", "rehearse"}))
def test_a_missing_database_is_told_in_one_sentence(name: str, tmp_path: Path) -> None:
    """No house of the test is connected to: the configured database does not exist."""
    (told,) = refusals(name, words(name, tmp_path), REFUSED)
    assert told != "internal_error"


@pytest.mark.unit
def test_a_folder_without_a_house_gets_none(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    env = {name: text for name, text in os.environ.items() if not name.startswith(("PILOTHOUSE_", "DATABASE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "pilot", "list"],
        env={**env, "DATA": str(folder)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert done.stderr.startswith(f"no_house: There is no house in {folder} yet")
    assert not folder.exists()
