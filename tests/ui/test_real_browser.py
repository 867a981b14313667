"""A browser that hangs is killed, and the next test gets another: nothing that a page does reaches a second test."""

import time

import psutil
import pytest
from playwright.sync_api import Error
from real_browser import Chromium

pytestmark = pytest.mark.browser
SHORT_S = 1.0
HELLO = "data:text/html,<h1>Hello</h1>"


def processes(name: str) -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if name in child.name()]


@pytest.mark.parametrize("frozen", ["chromium", "node"])
def test_a_browser_that_hangs_is_replaced(chromium: Chromium, frozen: str) -> None:
    page = chromium.browser().new_page()
    page.goto(HELLO)
    first = processes("chromium")
    for process in processes(frozen):
        process.suspend()
    began = time.monotonic()
    with pytest.raises(Error), chromium.within(SHORT_S):
        page.goto(HELLO)
    assert time.monotonic() - began < 60
    again = chromium.browser().new_page()
    again.goto(HELLO)
    assert again.inner_text("h1") == "Hello"
    assert set(processes("chromium")).isdisjoint(first)


def test_a_page_on_its_way_somewhere_is_closed(chromium: Chromium) -> None:
    context = chromium.browser().new_context()
    page = context.new_page()
    page.goto(HELLO)
    page.evaluate("() => setInterval(() => location.reload(), 0)")
    chromium.close([context])
    assert context not in chromium.browser().contexts
