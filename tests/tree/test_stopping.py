"""The gentle ways to end a tree."""

import json
import signal
import subprocess
import time

import pytest
from tree_harness import House, leftovers, until

from pilothouse.site.tree import running

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_everything_quickly_and_the_next_start_is_clean(tree: House, number: int) -> None:
    tree.up()
    assert len(leftovers(tree.data)) > 5, "the test must be able to see the processes"
    start = time.monotonic()
    tree.send(number)
    code, errors = tree.end()
    assert code == 0, errors
    assert time.monotonic() - start < 2.5, "a tree that does not reap while it stops waits its full timeouts"
    assert leftovers(tree.data) == []
    assert not (tree.data / "up.json").exists()
    assert "database system is shut down" in (tree.data / "logs" / "postgres.log").read_text()
    tree.starts_clean()


def test_a_deaf_grandchild_is_killed_after_the_grace(tree: House) -> None:
    tree.up("--no-database", "--web=--deaf-child", "--grace-s", "1")
    start = time.monotonic()
    tree.send(signal.SIGTERM)
    assert tree.end()[0] == 0
    assert 0.9 < time.monotonic() - start < 4
    assert tree.is_empty()


def test_the_tree_ends_with_the_code_of_on_ready(tree: House) -> None:
    assert tree.start("--code", "5", "--no-database").end()[0] == 5
    assert tree.is_empty()


def test_a_second_press_hurries_past_a_deaf_process(tree: House) -> None:
    tree.up("--web=--deaf", "--grace-s", "25")
    tree.send(signal.SIGINT)
    time.sleep(1.2)
    assert leftovers(tree.data)
    start = time.monotonic()
    tree.send(signal.SIGINT)
    assert tree.end()[0] == 0
    assert time.monotonic() - start < 3
    assert tree.is_empty()


def test_one_press_that_arrives_twice_does_not_hurry(tree: House) -> None:
    tree.up("--no-database", "--worker=--deaf", "--grace-s", "3")
    start = time.monotonic()
    tree.send(signal.SIGINT)
    time.sleep(0.05)
    tree.send(signal.SIGINT)
    assert tree.end()[0] == 0
    assert time.monotonic() - start > 2.5


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_a_signal_while_starting_is_not_a_success(tree: House, delay_s: float) -> None:
    tree.start("--prepare-s", "30")
    assert until(lambda: running(tree.data))
    time.sleep(delay_s)
    tree.send(signal.SIGINT)
    code, errors = tree.end()
    assert code == 128 + signal.SIGINT, errors
    assert until(tree.is_empty, 2)
    tree.starts_clean()


def test_a_second_tree_is_refused_with_the_address_of_the_first(tree: House) -> None:
    tree.up()
    live = running(tree.data)
    assert live is not None
    assert tree.process is not None
    assert live == {"pid": tree.process.pid, "state": "ready", "urls": {"web": f"http://127.0.0.1:{tree.port}"}}
    second = subprocess.run(tree.argv("--code", "0"), capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert f"http://127.0.0.1:{tree.port}" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert running(tree.data) == live, "a refused tree must not touch the first one's file"
    tree.send(signal.SIGTERM)
    assert tree.end()[0] == 0
    assert running(tree.data) is None


def test_a_stale_file_without_a_lock_is_not_believed(tree: House) -> None:
    tree.data.mkdir()
    (tree.data / "up.json").write_text(json.dumps({"pid": 1, "state": "ready", "urls": {}}))
    (tree.data / "up.lock").touch()
    assert running(tree.data) is None


def test_a_process_that_ends_ends_the_tree_with_its_last_lines(tree: House) -> None:
    code, errors = tree.start("--worker=--fail-after 1").end()
    assert code == 1
    assert "worker has a reason to end" in errors
    assert "worker ended with exit code 7; the tree is ended with it." in errors
    assert "worker has a reason to end" in (tree.data / "logs" / "worker.log").read_text()
    assert tree.is_empty()


def test_a_process_that_is_never_ready_ends_the_tree(tree: House) -> None:
    code, errors = tree.start("--no-database", "--web=--never-ready", "--ready-s", "1").end()
    assert code == 1
    assert f"web did not answer on http://127.0.0.1:{tree.port}/healthz within 1 s" in errors
    assert tree.is_empty()


def test_a_program_that_cannot_be_started_says_so(tree: House) -> None:
    code, errors = tree.start("--no-database", "--worker=--no-such-option").end()
    assert code == 1
    assert "unrecognized arguments: --no-such-option" in errors
    assert tree.is_empty()
