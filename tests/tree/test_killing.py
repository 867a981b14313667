"""kill -9 of every process of the tree, alone and together, at any moment."""

import os
import signal
import time

import psutil
import psycopg
import pytest
from tree_harness import House, leftovers, until

from pilothouse.kernel.base.postgres import EmbeddedPostgres
from pilothouse.site.tree import running

pytestmark = pytest.mark.faults


def test_kill_of_the_supervisor_leaves_nothing(tree: House) -> None:
    tree.up()
    tree.send(signal.SIGKILL)
    assert until(tree.is_empty, 10), leftovers(tree.data)
    assert running(tree.data) is None, "the lock must not be inherited"
    tree.starts_clean()


def test_a_start_right_after_a_kill_waits_for_the_old_processes(tree: House) -> None:
    tree.up("--worker=--deaf", "--grace-s", "2")
    tree.send(signal.SIGKILL)
    tree.end()
    assert leftovers(tree.data), "something must still be ending, or this proves nothing"
    tree.starts_clean()


def test_kill_of_the_guard_is_repaired(tree: House) -> None:
    tree.up()
    os.kill(tree.pids["guard"], signal.SIGKILL)
    assert until(lambda: any(" guard" in line for line in leftovers(tree.data)))
    assert running(tree.data), "the tree goes on"
    tree.send(signal.SIGKILL)
    assert until(tree.is_empty, 10), leftovers(tree.data)
    tree.starts_clean()


def test_kill_of_supervisor_and_guard_at_once_leaves_nothing(tree: House) -> None:
    tree.up()
    assert tree.process is not None
    web = psutil.Process(tree.pids["web"])
    os.kill(tree.pids["guard"], signal.SIGKILL)
    tree.send(signal.SIGKILL)
    # The kernel ends what the tree started; what that left behind is ended by the next start.
    assert until(lambda: not web.is_running() or web.status() == psutil.STATUS_ZOMBIE, 5)
    assert until(lambda: not [line for line in leftovers(tree.data) if "dummy.py web" not in line], 10)
    tree.starts_clean()


@pytest.mark.parametrize("name", ["postgres", "web", "worker"])
def test_kill_of_a_process_ends_the_tree(tree: House, name: str) -> None:
    tree.up()
    os.kill(tree.pids[name], signal.SIGKILL)
    code, errors = tree.end()
    assert code == 1
    assert f"{name} was ended by signal 9 (SIGKILL); the tree is ended with it." in errors
    assert until(tree.is_empty, 3), leftovers(tree.data)
    tree.starts_clean()


def test_a_busy_backend_does_not_survive_its_postmaster(tree: House) -> None:
    tree.up()
    connection = psycopg.connect(EmbeddedPostgres(tree.data).dsn(), autocommit=True)
    backend = psutil.Process(connection.info.backend_pid)
    connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
    time.sleep(0.3)
    os.kill(tree.pids["postgres"], signal.SIGKILL)
    assert tree.end()[0] == 1
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    connection.close()
    assert tree.is_empty()
    tree.starts_clean()


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
def test_kill_of_the_supervisor_while_starting_leaves_nothing(tree: House, delay_s: float) -> None:
    tree.start()
    assert until(lambda: (tree.data / "up.lock").exists())
    time.sleep(delay_s)
    tree.send(signal.SIGKILL)
    assert until(tree.is_empty, 12), leftovers(tree.data)
    tree.starts_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_grandchild_in_another_session_does_not_escape(tree: House, number: int) -> None:
    tree.up("--no-database", "--worker=--escape")
    assert sum("dummy.py worker" in line for line in leftovers(tree.data)) == 2
    tree.send(number)
    assert until(tree.is_empty, 8), leftovers(tree.data)


@pytest.mark.parametrize("name", ["supervisor", "postgres", "worker"])
def test_kill_while_stopping_leaves_nothing(tree: House, name: str) -> None:
    tree.up("--worker=--deaf", "--grace-s", "2")
    assert tree.process is not None
    tree.send(signal.SIGTERM)
    time.sleep(0.3)
    os.kill({**tree.pids, "supervisor": tree.process.pid}[name], signal.SIGKILL)
    tree.end()
    assert until(tree.is_empty, 10), leftovers(tree.data)
    tree.starts_clean()
