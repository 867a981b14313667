"""How a command ends when somebody stops it, stops reading, or has made a terminal of little."""

import signal
import subprocess
import sys
from typing import Any

import pytest
from command_line import said

from pilothouse.kernel.watch import desk_queries
from pilothouse.site.cli import PANELS, app, parser
from pilothouse.site.cli.refusals import EXIT_INTERRUPTED, EXIT_PIPE_CLOSED, EXIT_REFUSED, EXIT_USAGE

CLI = (sys.executable, "-m", "pilothouse.site.cli")


@pytest.mark.unit
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nonsense", "--json"]], ids=" ".join)
def test_who_stops_reading_sees_no_traceback(words: list[str]) -> None:
    running = subprocess.Popen([*CLI, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    assert (running.stderr.read(), running.wait(60)) == ("", EXIT_PIPE_CLOSED)
    running.stderr.close()


@pytest.mark.house
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["words", "json"])
def test_ctrl_c_ends_a_command_in_one_line(shared_house: Any, more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_queries, "errors", lambda **_: signal.raise_signal(signal.SIGINT))
    # Whoever starts a test run in the background has it ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = said("errors", *more)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == EXIT_INTERRUPTED
    if more:
        assert done.json["error"]["code"] == "interrupted"
    else:
        assert (done.out, done.err) == ("", "interrupted: Ctrl-C ended it.\n")


@pytest.mark.house
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["words", "json"])
def test_an_error_that_nobody_foresaw_shows_where_and_still_answers(
    shared_house: Any, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_queries, "errors", lambda **_: [][0])
    done = said("errors", *more)
    assert (done.code, "IndexError" in done.err) == (EXIT_REFUSED, True)
    assert done.json["error"]["code"] == "internal_error" if more else "internal_error: " in done.err


@pytest.mark.unit
def test_the_help_parts_every_command() -> None:
    named = [name for names in PANELS.values() for name in names.split()]
    assert len(named) == len({*named})
    registered = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert {*named} == {*parser().commands} == registered | {group.name for group in app.registered_groups}
    for words in ([], ["pilot"]):
        done = said(*words)
        assert (done.code, done.err) == (EXIT_USAGE, "")
        assert "Usage: pilothouse" in done.out


@pytest.mark.unit
def test_no_line_of_a_help_is_wider_than_a_small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name, command in parser().commands.items():
        for words in [[name], *([name, each] for each in getattr(command, "commands", ()))]:
            done = said(*words, "--help")
            assert done.code == 0
            assert max(map(len, done.out.splitlines())) <= 80, words
            assert "\x1b" not in done.out
