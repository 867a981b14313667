"""The order in which test processes take files names files that are there, and each file stays with one process."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from scheduling import LONGEST, TOGETHER, WholeFiles, order

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [*LONGEST, *TOGETHER])
def test_what_is_named_is_there(name: str) -> None:
    path = ROOT / name
    assert path.is_dir() if name.endswith("/") else path.is_file()


def test_the_longest_come_first_and_the_others_keep_their_places() -> None:
    names = ["tests/a.py::one", "tests/tree/test_killing.py::two", "tests/a.py::three", f"{LONGEST[0]}::four"]
    items = [SimpleNamespace(nodeid=name) for name in names]
    order(items)  # type: ignore[arg-type]
    assert [item.nodeid for item in items] == [names[3], names[1], names[0], names[2]]


def test_a_file_is_one_piece_of_work_and_the_examples_are_another() -> None:
    scope = WholeFiles._split_scope
    sharing = object.__new__(WholeFiles)
    assert scope(sharing, "tests/a.py::one") == scope(sharing, "tests/a.py::two[x::y]") == "tests/a.py"
    assert scope(sharing, "tests/examples/test_a.py::one") == scope(sharing, "tests/examples/test_b.py::two")
