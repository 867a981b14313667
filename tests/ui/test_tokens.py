"""The palette is readable, and the stylesheet's themes are the tokens."""

import re

import pytest

from pilothouse.ui.limits import CONTRAST_MIN_RATIO
from pilothouse.ui.tokens import DARK, LIGHT, THEMES_FILE, Palette, contrast_ratio, readable_pairs, themes_css

pytestmark = pytest.mark.unit


def test_contrast_ratio_is_that_of_the_standard() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast_ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast_ratio("#ffffff", "#777777") == contrast_ratio("#777777", "#ffffff")


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_every_text_is_readable_on_its_ground(palette: Palette) -> None:
    faint = {
        name: round(contrast_ratio(*pair), 2)
        for name, pair in readable_pairs(palette).items()
        if contrast_ratio(*pair) < CONTRAST_MIN_RATIO
    }
    assert faint == {}


def test_written_themes_are_the_tokens() -> None:
    assert THEMES_FILE.read_text(encoding="utf-8") == themes_css()


def test_components_name_no_colour_of_their_own() -> None:
    """One set of tokens: a colour in a component's file would not follow the theme.

    The video's own black frame is the exception: a picture stands on black in every theme.
    """
    strays = {}
    for sheet in (THEMES_FILE.parent / "components").glob("*.css"):
        found = re.findall(r"#[0-9a-fA-F]{3,8}\b", sheet.read_text(encoding="utf-8"))
        if found:
            strays[sheet.name] = found
    frame = ["#0a0c10", "#aab3c0"]
    assert strays == {"pictures.css": frame, "console.css": frame}
