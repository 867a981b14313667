"""Papers: one text as blocks, for the page and the PDF alike."""

import re
from datetime import UTC, datetime

import pypdfium2
import pytest

from pilothouse.ui.charts import LABEL_PX, Bar, bars
from pilothouse.ui.papers import Paper, as_html, blocks, shown, table
from pilothouse.ui.printing import as_pdf

pytestmark = pytest.mark.unit
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def paper(markdown: str, title: str = "A paper") -> Paper:
    return Paper(title, markdown, {})


def printed(one: Paper) -> str:
    """The words of a PDF."""
    sheets = pypdfium2.PdfDocument(as_pdf(one, product="Sora2", at=AT))
    return "\n".join(sheet.get_textpage().get_text_range() for sheet in sheets)


@pytest.mark.parametrize("mark", ["", "- ", "1. ", "| a | b |\n|---|---|\n| x | "])
def test_a_word_longer_than_the_line_stays_on_the_paper(mark: str) -> None:
    made = as_pdf(paper(f"{mark}https://hooks.example/{'W' * 300}", "W" * 120), product="Sora2", at=AT)
    for sheet in pypdfium2.PdfDocument(made):
        words = sheet.get_textpage()
        right = max(words.get_charbox(n)[2] for n in range(words.count_chars()))
        assert right < sheet.get_width() - 50, "the margin is 22 mm, 62 points"


@pytest.mark.parametrize("pair", ["日本", "ひカ", "中國", "한국", "ӨҮ", "ŁØ", "₮¥"])
@pytest.mark.parametrize("mark", ["", "`"])
def test_letters_of_the_markets_are_drawn_and_not_boxes(pair: str, mark: str) -> None:
    pictures = []
    for letter in pair:
        (sheet,) = pypdfium2.PdfDocument(as_pdf(paper(f"{mark}{letter}{mark}", "Same"), product="Sora2", at=AT))
        pictures.append(bytes(sheet.render(scale=2).buffer))
    assert pictures[0] != pictures[1], "two letters that are missing are drawn as the same box"


def test_a_hash_stays_one_word_to_be_copied() -> None:
    assert "ab" * 32 in printed(paper("ab" * 32))


def test_a_box_at_the_beginning_of_a_line_is_drawn_and_elsewhere_is_words() -> None:
    one = paper("Morning:\n[ ] Looked [x] at\n[x] Done\n\n- [x] key\n- no [x] box")
    html = as_html(one)
    assert re.findall(r'class="paper-box" data-tick="(\w+)"', html) == ["open", "done"]
    assert "Looked [x] at" in html
    assert '<li class="paper-tick" data-tick="done">' in html
    assert "<li>no [x] box</li>" in html
    words = printed(one)
    assert "[ ]" not in words
    assert "Looked [x] at" in words


def test_a_first_line_that_repeats_the_title_is_left_out_of_page_and_pdf_alone() -> None:
    for first in ("🟢 Update - Us", "# 🟢 Update - Us"):
        one = paper(f"{first}\n\nDay: 0", "🟢 Update - Us")
        assert as_html(one) == "<p>Day: 0</p>"
        assert printed(one).count("Update - Us") == 1
        assert one.markdown.startswith(first)
    assert len(shown(paper("Day: 0\n\nMore", "Day"))) == 2


def test_a_table_says_which_columns_are_numbers() -> None:
    text = table(("What", "Who", "Days"), [("A | b", "x", 3)], right=("Days",))
    assert text.splitlines() == ["| What | Who | Days |", "|---|---|---:|", "| A / b | x | 3 |"]
    assert blocks(text)[0]["right"] == [False, False, True]
    heads = [f"A head that is far too long for its numbers {n}" for n in range(5)]
    wide = table(("Week", "Begun", *heads), [("2026-03-02", 2, *("1.0 %",) * 5)], right=("Begun", *heads))
    assert blocks(wide)[0]["narrow"] == [False, True, *[False] * 5]
    html = as_html(paper(text))
    assert '<td>x</td><td class="num">3</td>' in html


def test_words_of_others_are_words() -> None:
    html = as_html(paper("<b>bold</b> [a](https://a.example) ![b](b.png)"))
    assert "<b>" not in html
    assert "href" not in html
    assert "<img" not in html


def test_a_long_label_stands_above_its_bar() -> None:
    short = bars([Bar("Short", "1 of 1", 1.0, 1.0, "pass")], "Bars")
    assert f'x="{LABEL_PX}"' in short
    long = bars([Bar("Finance verifies reserved = settled + refunded", "1 of 1", 1.0, 1.0, "pass")], "Bars")
    assert f'x="{LABEL_PX}"' not in long
    (label,) = re.findall(r'<text class="chart-label" x="0" y="([\d.]+)">', long)
    (ground,) = re.findall(r'<rect class="chart-ground" x="0" y="([\d.]+)"', long)
    assert float(label) < float(ground)
