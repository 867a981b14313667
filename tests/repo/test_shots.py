"""`make shots` misses a page that nobody photographs, and an address that is declared and gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def shots(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import shots

    yield shots
    for name in [name for name in sys.modules if name.partition("_")[0] == "shots"]:
        monkeypatch.delitem(sys.modules, name)


def test_every_address_has_a_name_by_which_it_can_be_missed(shots: Any) -> None:
    from shots_crawl import page_names

    assert [name for name in page_names() if "without a name" in name] == []


def test_a_page_that_nobody_reached_is_a_finding_and_so_is_a_declared_one_that_is_gone(
    shots: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shots_crawl import page_names

    pages = page_names() - shots.declared()
    assert {"status", "pilots:start", "desk:postmortem", "video:batch"} < pages
    assert list(shots.missing(pages)) == []
    (found,) = shots.missing(pages - {"desk:postmortem"})
    assert (found.kind, found.page) == ("missing", "desk:postmortem")
    monkeypatch.setattr(shots, "declared", lambda: {*page_names(), "desk:gone"})
    (found,) = shots.missing(set())
    assert found.page == "desk:gone"
