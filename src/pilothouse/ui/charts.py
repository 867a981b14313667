"""Charts of papers as SVG: one picture for the page and the PDF. Colours stand as attributes, which the page's
stylesheet overrides by class, so that light, dark and paper need no picture of their own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from .tokens import LIGHT

WIDTH_PX, ROW_PX, BAR_PX, LABEL_PX, VALUE_PX = 640, 34, 14, 210, 130
# A longer label stands above its bar: beside it, it would run under it.
LABEL_MAX_CHARACTERS, LABEL_LINE_PX = 32, 16
COLUMN_HEIGHT_PX, FOOT_PX, HEAD_PX, COLUMNS_MAX_COUNT = 120, 22, 18, 26
FONT = "Inter, sans-serif"
FILLS = {"pass": LIGHT.settled.fill, "fail": LIGHT.breach.fill, "inconclusive": LIGHT.held.fill}
OTHER = LIGHT.returned.fill


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its value in words, its length and its target as shares of the longest, and its verdict."""

    label: str
    value: str
    share: float
    target: float | None = None
    verdict: str = ""


def bars(rows: Sequence[Bar], title: str) -> SafeString:
    """Horizontal bars, each against its target, which is a dark line across it."""
    is_above = any(len(row.label) > LABEL_MAX_CHARACTERS for row in rows)
    left, step = (0, ROW_PX + LABEL_LINE_PX) if is_above else (LABEL_PX, ROW_PX)
    room = WIDTH_PX - left - VALUE_PX
    drawn = []
    for n, row in enumerate(rows):
        y = (n + 1) * step - (ROW_PX + BAR_PX) / 2
        length = max(2.0, room * min(1.0, max(0.0, row.share)))
        drawn.append((
            y - 8 if is_above else y + 11, row.label, left, y, room, BAR_PX, LIGHT.sunken, row.verdict or "other",
            left, y, length, BAR_PX, FILLS.get(row.verdict, OTHER), _target(row, left, room, y), WIDTH_PX, y + 11,
            row.value,
        ))  # fmt: skip
    body = _joined(
        '<text class="chart-label" x="0" y="{}">{}</text><rect class="chart-ground" x="{}" y="{}" width="{}" '
        'height="{}" rx="3" fill="{}"/><rect class="chart-{}" x="{}" y="{}" width="{}" height="{}" rx="3" '
        'fill="{}"/>{}<text class="chart-label" x="{}" y="{}" text-anchor="end">{}</text>',
        drawn,
    )
    return _svg(WIDTH_PX, step * max(1, len(rows)), title, body)


def _target(row: Bar, left: float, room: float, y: float) -> SafeString | str:
    if row.target is None:
        return ""
    x = left + room * min(1.0, max(0.0, row.target))
    return _drawn(
        '<line class="chart-target" x1="{0}" x2="{0}" y1="{1}" y2="{2}" stroke="{3}" stroke-width="2"/>',
        x, y - 4, y + BAR_PX + 4, LIGHT.ink,
    )  # fmt: skip


def columns(rows: Sequence[tuple[str, float | None, str]], target: float | None, title: str) -> SafeString:
    """Columns over time: (label, share of the whole height or None for nothing measured, value in words)."""
    rows = rows[-COLUMNS_MAX_COUNT:]
    step = WIDTH_PX / max(1, len(rows))
    foot = HEAD_PX + COLUMN_HEIGHT_PX
    drawn = []
    for n, (label, share, value) in enumerate(rows):
        height = 0.0 if share is None else max(1.5, COLUMN_HEIGHT_PX * min(1.0, share))
        middle = (n + 0.5) * step
        drawn.append((
            middle - min(24, step / 2 - 2), foot - height, min(48, step - 4), height, OTHER,
            middle, foot - height - 4, value, middle, foot + 16, label,
        ))  # fmt: skip
    body = _joined(
        '<rect class="chart-other" x="{}" y="{}" width="{}" height="{}" rx="2" fill="{}"/>'
        '<text class="chart-label" x="{}" y="{}" text-anchor="middle">{}</text>'
        '<text class="chart-label" x="{}" y="{}" text-anchor="middle">{}</text>',
        drawn,
    )
    line = "" if target is None else _drawn(
        '<line class="chart-target" x1="0" x2="{0}" y1="{1}" y2="{1}" stroke="{2}" stroke-dasharray="5 4"/>',
        WIDTH_PX, foot - COLUMN_HEIGHT_PX * min(1.0, target), LIGHT.ink,
    )  # fmt: skip
    axis = _drawn(
        '<line class="chart-axis" x1="0" x2="{0}" y1="{1}" y2="{1}" stroke="{2}"/>', WIDTH_PX, foot, LIGHT.line_strong
    )
    return _svg(WIDTH_PX, foot + FOOT_PX, title, format_html("{}{}{}", body, line, axis))


def money_bar(whole: int, parts: Sequence[tuple[str, int, str]], title: str) -> SafeString:
    """What was held, in its parts: (name, amount, tone), each with its number beneath."""
    tones = LIGHT.tones()
    bar, words, x = [], [], 0.0
    for _name, amount, tone in parts:
        width = WIDTH_PX * amount / whole if whole else 0.0
        bar.append((tone, x, width, tones[tone].fill))
        x += width
    for n, (name, amount, tone) in enumerate(parts):
        left = n * WIDTH_PX / len(parts)
        words.append((tone, left, tones[tone].fill, left + 16, f"{name} {amount:,}"))
    body = format_html(
        "{}{}",
        _joined('<rect class="chart-tone-{}" x="{}" y="2" width="{}" height="22" fill="{}"/>', bar),
        _joined(
            '<rect class="chart-tone-{}" x="{}" y="36" width="10" height="10" rx="2" fill="{}"/>'
            '<text class="chart-label" x="{}" y="45">{}</text>',
            words,
        ),
    )
    return _svg(WIDTH_PX, 54, title, body)


def _joined(template: str, rows: Iterable[Sequence[object]]) -> SafeString:
    return format_html_join("", template, ([_px(each) for each in row] for row in rows))


def _drawn(template: str, *values: object) -> SafeString:
    return format_html(template, *(_px(each) for each in values))


def _px(value: object) -> object:
    """A length to a tenth of a pixel; anything else as it is."""
    return f"{value:.1f}" if isinstance(value, float) else value


def _svg(width: int, height: float, title: str, body: SafeString) -> SafeString:
    return format_html(
        '<svg class="paper-chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}" '
        'font-family="{}" font-size="12" fill="{}">{}</svg>',
        width, height, title, FONT, LIGHT.ink, body,
    )  # fmt: skip
