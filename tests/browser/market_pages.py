"""What the walks through a market read and send."""

import io
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

# Between an amount and its unit.
NO_BREAK_SPACE = "\u00a0"


def picture(color: str) -> dict[str, Any]:
    """A photo as a phone sends it."""
    out = io.BytesIO()
    Image.new("RGB", (640, 480), color).save(out, "JPEG")
    return {"name": f"{color}.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def money_of(page: Page) -> dict[str, int]:
    """Where the price is, as the bar's table for screen readers has it."""
    rows = page.locator("figure.money-bar").first.locator("[data-part]")
    found = rows.evaluate_all("(rows) => rows.map((row) => [row.dataset.part, Number(row.dataset.amount)])")
    return dict(found)


def says(page: Page, words: str) -> None:
    """The page says so; amounts are written with a space that does not break."""
    expect(page.locator("main")).to_contain_text(words.replace(" ₮", f"{NO_BREAK_SPACE}₮"))


def said_yes(page: Page) -> None:
    """Press what the open dialog asks for."""
    page.locator("dialog[open] [type=submit], dialog[open] button[form]").click()
