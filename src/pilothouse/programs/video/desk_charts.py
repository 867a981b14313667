"""The desk's charts as SVG, drawn by the server: classes carry the colours, so light and dark need one picture."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH_PX, HEIGHT_PX, FOOT_PX, HEAD_PX = 440, 150, 22, 14
# Upper edges in seconds of the bars of a distribution; the last bar holds what took longer.
EDGES_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


def distribution(seconds: Sequence[float], title: str) -> SafeString:
    """How many values fall between the edges, as bars with their counts; `title` is what a screen reader says."""
    counts = [0] * (len(EDGES_S) + 1)
    for value in seconds:
        counts[next((n for n, edge in enumerate(EDGES_S) if value <= edge), len(EDGES_S))] += 1
    most = max([*counts, 1])
    step = WIDTH_PX / len(counts)
    room = HEIGHT_PX - FOOT_PX - HEAD_PX
    bars = format_html_join(
        "",
        '<rect class="bar-plain" x="{}" y="{}" width="{}" height="{}" rx="2"/>',
        (
            (f"{n * step + 3:.1f}", f"{HEAD_PX + room * (1 - count / most):.1f}", f"{step - 6:.1f}",
             f"{max(1.5, room * count / most):.1f}")
            for n, count in enumerate(counts)
            if count
        ),
    )  # fmt: skip
    numbers = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (f"{(n + 0.5) * step:.1f}", f"{HEAD_PX + room * (1 - count / most) - 3:.1f}", count)
            for n, count in enumerate(counts)
            if count
        ),
    )
    labels = [*(f"≤{edge:g}" for edge in EDGES_S), f">{EDGES_S[-1]:g}"]
    foot = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        ((f"{(n + 0.5) * step:.1f}", HEIGHT_PX - 6, label) for n, label in enumerate(labels)),
    )
    line = format_html(
        '<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>', WIDTH_PX, HEIGHT_PX - FOOT_PX, HEIGHT_PX - FOOT_PX
    )
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}</svg>',
        WIDTH_PX, HEIGHT_PX, title, line, bars, numbers, foot,
    )  # fmt: skip


def shares(parts: Sequence[tuple[str, int]], title: str) -> SafeString:
    """Each part's share of the whole, a line with its bar: (name, count)."""
    whole = sum(count for _name, count in parts) or 1
    lines = format_html_join(
        "",
        '<li class="share-line"><span class="mono">{}</span><svg width="100%" height="12" aria-hidden="true">'
        '<rect class="bar-share" width="{}%" height="12" rx="3"/></svg><span>{} %</span></li>',
        ((name, f"{100 * count / whole:.2f}", f"{100 * count / whole:.1f}") for name, count in parts),
    )
    return format_html('<ul class="chart" aria-label="{}">{}</ul>', title, lines)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` of the sorted values lie (nearest rank); None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
