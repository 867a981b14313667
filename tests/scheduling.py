"""Which test process runs what: whole files, the longest first.

A file's world (its house, its process tree, its browser) is made once, by the one process that runs the file. Those
that take minutes begin at once, so that the end of the run is many small ones and no process waits for another.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# Their files share one process tree, which costs ten seconds to start and some percent of a core while it is up.
TOGETHER = ("tests/browser/", "tests/examples/")
# Longer than half a minute of one core, the longest first. A file that is not named here runs after them.
LONGEST = (
    "tests/browser/", "tests/examples/", "tests/demo/test_proof.py", "tests/faults/test_killed_worker.py",
    "tests/http/test_schemathesis.py", "tests/sweep/test_matrix.py", "tests/tree/test_killing.py",
    "tests/faults/test_held_back.py", "tests/ui/test_browser.py", "tests/faults/test_database.py",
    "tests/faults/test_real_tree.py", "tests/tree/test_stopping.py", "tests/http/test_media.py",
    "tests/sweep/test_routes.py", "tests/ledger/test_crashes.py", "tests/site/test_managed.py",
    "tests/repo/test_new_program.py", "tests/site/test_backup_verify.py", "tests/tree/",
    "tests/pilots/test_rollback.py", "tests/video/providers/test_local.py", "tests/bench/",
)  # fmt: skip


class WholeFiles(LoadFileScheduling):
    """Files in the order in which they were collected, and the folders of TOGETHER as if each were one file."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), super()._split_scope(nodeid))


def order(items: list[pytest.Item]) -> None:
    """Put the longest first; the others keep their places."""

    def place(item: pytest.Item) -> int:
        return next((at for at, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    items.sort(key=place)
