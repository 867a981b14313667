"""The pages in a real browser under the strict policy: what they measure, say and do.

The fixture `open_page` fails a test on any console error and any violation of the policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from pilothouse.ui import gallery

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PAGES = (
    "components",
    "batches",
    "batches-empty",
    "batch-running",
    "batch-done",
    "batch-failed",
    "error-404",
    "error-500",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_and_fits(
    open_page: Opener, stage: Any, batch_page: Callable[..., dict[str, Any]], name: str, scheme: str
) -> None:
    stage.fragment = render_to_string("video/_batch_live.html", batch_page(3, 1, 4, 2))
    for width in (1440, 390):
        page = open_page(name, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        serious = [
            (rule["id"], [node["html"][:120] for node in rule["nodes"]][:3])
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]
        assert serious == []


def test_fonts_and_figures_are_ours(open_page: Opener) -> None:
    page = open_page("batches")
    page.evaluate("document.fonts.ready")
    assert page.evaluate("[...document.fonts].some((font) => font.status === 'loaded' && /Inter/.test(font.family))")
    assert page.evaluate("getComputedStyle(document.querySelector('.amount')).fontVariantNumeric") == "tabular-nums"


def test_theme_is_toggled_and_kept_for_the_server(open_page: Opener) -> None:
    page = open_page("batches", scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate(ground) != dark
    assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()} == {"theme": "light"}


def test_id_is_copied_whole(open_page: Opener) -> None:
    page = open_page("batch-done", permissions=["clipboard-read", "clipboard-write"])
    page.locator(".crumbs .id-chip").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "bat_7Kq2mXv9Lr4TWz"


def test_numbers_and_times_are_the_viewers(open_page: Opener) -> None:
    page = open_page("components", locale="de-DE")
    assert page.locator(".stat .amount").nth(3).inner_text() == "4.500.000\u00a0₮"
    assert page.locator(".stat .amount").nth(4).inner_text() == "$1.284,50"
    created = page.locator("section:has(.data-table) time")
    assert created.nth(0).inner_text() == "vor 2 Min."
    assert created.nth(1).inner_text() == "02:58"
    assert created.nth(2).inner_text().startswith("23. Jan")
    assert created.nth(2).get_attribute("title") == "Freitag, 23. Januar 2026 um 19:58:00 UTC"


def test_countdown_runs_on_the_pages_clock(open_page: Opener) -> None:
    page = open_page("components")
    left = page.locator("[data-left]")
    assert left.inner_text() in ("8 hr 0 min", "7 hr 59 min")
    assert page.locator("[data-countdown]").get_attribute("data-stage") == "soon"


def test_keyboard_reaches_search_and_pages(open_page: Opener) -> None:
    page = open_page("batches")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("gb")
    assert page.locator("[data-search]").input_value() == "gb"
    page.keyboard.press("Escape")
    page.evaluate("window.stayed = true")
    with page.expect_navigation():
        page.keyboard.press("g")
        page.keyboard.press("b")
    assert page.evaluate("window.stayed") is None


def test_first_tab_skips_to_the_content(open_page: Opener) -> None:
    page = open_page("batches")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_dialog_asks_once_and_can_be_left(open_page: Opener) -> None:
    page = open_page("components")
    page.locator('[data-opens="release"]').click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The deal ends. The buyer can no longer raise an issue.")
    dialog.get_by_role("button", name="Keep as it is").click()
    expect(dialog).to_be_hidden()


def test_table_is_stacked_on_a_phone(open_page: Opener) -> None:
    page = open_page("batches", width=390)
    cell = page.locator("td[data-label=Reserved]").first
    assert page.evaluate("(cell) => getComputedStyle(cell, '::before').content", cell.element_handle()) == '"Reserved"'
    expect(page.locator(".phone-bar")).to_be_visible()
    expect(page.locator(".top-nav")).to_be_hidden()


def test_failed_video_says_why_and_where_its_credits_are(open_page: Opener) -> None:
    page = open_page("batch-done")
    expect(page.locator("[data-live-sentence]")).to_have_text(
        "9 of 10 videos finished. 1 failed (its parameters were refused); its 10\u00a0credits are back in your wallet.",
        use_inner_text=True,
    )
    failed = page.locator('[data-status="refunded"]')
    assert failed.count() == 1
    expect(failed).to_contain_text("Its 10\u00a0credits are back in your wallet.")
    failed.locator("summary").click()
    steps = failed.locator(".history .state-badge")
    assert [step.get_attribute("data-state") for step in steps.all()] == ["pending", "running", "failed", "refunded"]


def test_finished_videos_play(open_page: Opener) -> None:
    page = open_page("batch-done")
    videos = page.locator("video")
    assert videos.count() == 9
    page.wait_for_function("[...document.querySelectorAll('video')].every((video) => video.readyState >= 1)")
    assert videos.first.evaluate("(video) => [video.videoWidth, video.videoHeight]") == [180, 320]


def test_live_batch_moves_without_losing_the_viewers_place(
    open_page: Opener, stage: Any, batch_page: Callable[..., dict[str, Any]]
) -> None:
    def fragment(*counts: int) -> str:
        return render_to_string("video/_batch_live.html", batch_page(*counts))

    stage.fragment = fragment(3, 1, 4, 2)
    page = open_page("batch-running")
    expect(page.locator("[data-live]")).to_have_text("Live")
    first = page.locator("video").first
    first.evaluate("(video) => { video.mark = 'kept'; video.loop = video.muted = true; return video.play(); }")
    page.locator("details.disclosure summary").first.click()

    stage.fragment = fragment(9, 1, 0, 0)
    stage.changed.set()
    expect(page.locator("video")).to_have_count(9)
    assert first.evaluate("(video) => [video.mark, video.paused]") == ["kept", False]
    assert page.locator("details.disclosure").first.get_attribute("open") is not None
    expect(page.locator("#batch-money-settled")).to_have_attribute("width", "90.000%")
    assert page.locator('[data-part="settled"]').get_attribute("data-amount") == "90"
    expect(page.locator("#announcer")).to_contain_text("9 of 10 videos finished.")
    # All is over: the page stops listening and says nothing more about being live.
    expect(page.locator("[data-live]")).to_have_text("")
    fetched = stage.fetched
    stage.changed.set()
    page.wait_for_timeout(400)
    assert stage.fetched == fetched


def test_timeline_filter_outlives_a_change(
    open_page: Opener, stage: Any, batch_page: Callable[..., dict[str, Any]]
) -> None:
    context = batch_page(3, 1, 4, 2) | {"events": gallery.sample_events()}
    stage.fragment = render_to_string("video/_batch_live.html", context)
    page = open_page("batch-running")
    field = page.get_by_label("Filter the timeline")
    field.fill("refund")
    events = page.locator("#batch-timeline .timeline-event:visible")
    expect(events).to_have_count(1)
    with page.expect_response("**/live-fragment"):
        stage.changed.set()
    page.wait_for_timeout(200)
    expect(events).to_have_count(1)
    assert field.input_value() == "refund"
    field.fill("")
    page.get_by_label("Money only").check()
    expect(events).to_have_count(3)


def test_ended_session_takes_the_whole_page_with_it(
    open_page: Opener, stage: Any, batch_page: Callable[..., dict[str, Any]]
) -> None:
    stage.fragment = render_to_string("video/_batch_live.html", batch_page(3, 1, 4, 2))
    page = open_page("batch-running")
    expect(page.locator("[data-live]")).to_have_text("Live")
    stage.signed_out = True
    stage.changed.set()
    page.wait_for_url("**/error-403.html")
    assert page.locator("#batch-live h1").count() == 0


def test_sum_of_the_page_is_the_sum_of_its_parts(open_page: Opener) -> None:
    for name in ("batch-done", "batch-failed"):
        page = open_page(name)
        parts = [int(row.get_attribute("data-amount") or "") for row in page.locator("[data-part]").all()]
        assert len(parts) == 3
        assert sum(parts) == int(page.locator("[data-total]").get_attribute("data-total") or "")


def test_a_phone_names_the_step_that_counts(open_page: Opener) -> None:
    page = open_page("components", width=390)
    running, settled, undone = page.locator(".stepper").all()
    assert [step.inner_text() for step in running.locator("[aria-current=step]").all()] == ["Inspection"]
    assert settled.locator("[aria-current]").count() == 0
    assert undone.locator("[aria-current=step]").inner_text() == "Paid back"
    boxes = running.locator(".stepper-label").evaluate_all("(all) => all.map((each) => each.offsetWidth > 1)")
    assert boxes == [False, False, False, True, False, False]
