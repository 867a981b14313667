"""A command that has a folder to itself is waited for, as is a tree that ends with it; other trees are joined."""

import threading
from pathlib import Path

import pytest

from pilothouse.site.tree.folder import held, publish, running, settled

PATIENCE_S = 60


def looked(data: Path, waiting: threading.Event) -> tuple[threading.Thread, list[object]]:
    """Somebody who wants to know who stays, and what they were told in the end."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(settled(data, waiting.set)))
    thread.start()
    return thread, found


@pytest.mark.parametrize("is_tree", [False, True])
def test_what_ends_by_itself_is_waited_for(tmp_path: Path, is_tree: bool) -> None:
    waiting = threading.Event()
    with held(tmp_path):
        if is_tree:
            publish(tmp_path, "ready", {}, passing=True)
        thread, found = looked(tmp_path, waiting)
        assert waiting.wait(PATIENCE_S), "it says that it waits"
        assert (thread.is_alive(), found) == (True, [])
    thread.join(PATIENCE_S)
    assert found == [None]


def test_a_tree_that_stays_is_joined_at_once(tmp_path: Path) -> None:
    waiting = threading.Event()
    with held(tmp_path):
        publish(tmp_path, "ready", {"site": "http://here"})
        thread, found = looked(tmp_path, waiting)
        thread.join(PATIENCE_S)
        assert found == [running(tmp_path)]
    assert not waiting.is_set()
