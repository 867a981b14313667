"""Every list of the desk has one head, keeps its filter while it searches, and says what to do when nothing fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sweep_world import World

pytestmark = [pytest.mark.house, pytest.mark.http]
SOURCE = Path(__file__).resolve().parents[2] / "src" / "pilothouse"
LISTS = (
    "/desk/accounts/", "/desk/confirmations/", "/desk/daily/", "/desk/deals/", "/desk/deliveries/", "/desk/errors/",
    "/desk/errors/pages", "/desk/feedback/", "/desk/flags/", "/desk/grants/", "/desk/inbox/", "/desk/incidents/",
    "/desk/messages/", "/desk/payments/", "/desk/payments/approvals/", "/desk/payments/out/",
    "/desk/payments/out/files/", "/desk/pilots/", "/desk/rollbacks/", "/admin/disputes",
)  # fmt: skip
# A page that holds a short history beside other things pages it by itself; it is no list to search in.
HISTORIES = {"pages_checks.py", "pages_gates.py", "pages_health.py"}


def page(world: World, path: str, **query: str) -> str:
    answer: Any = world.callers["operator admin"].get(path, query)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


@pytest.mark.parametrize("path", LISTS)
def test_a_search_that_finds_nothing_keeps_its_words_and_leads_back_to_all(world: World, path: str) -> None:
    first = page(world, path)
    searched = re.search(r'<form[^>]*role="search".*?</form>', first, re.DOTALL)
    assert searched, "it can be searched"
    assert "data-search" in searched[0], "the key / leads to it"
    none = page(world, path, q="zzz nothing fits", state="all")
    assert 'value="zzz nothing fits"' in none
    empty = re.search(r'<div class="empty.*?</div>', none, re.DOTALL)
    assert empty, "it says that nothing fits"
    (back,) = re.findall(r'href="([^"]+)"', empty[0])
    assert "q=" not in back, "its button shows everything again"


def test_the_state_and_the_other_filters_stay_while_searching(world: World) -> None:
    for path, query in {
        "/desk/errors/": {"state": "browser", "hours": "720"},
        "/desk/grants/": {"state": "refused"},
        "/desk/inbox/": {"state": "answered", "kind": "question"},
        "/desk/pilots/": {"view": "board"},
    }.items():
        shown = page(world, path, **query)
        for name, value in query.items():
            assert f'<input type="hidden" name="{name}" value="{value}">' in shown, (path, name)


def test_no_other_page_of_the_desk_pages_by_itself() -> None:
    own = {path.name for path in SOURCE.rglob("*.py") if re.search(r"(?<!def )\bpaged\(", path.read_text("utf-8"))}
    assert own == {"desk.py", *HISTORIES}
