"""The charts of a pilot's papers, as plain numbers that stand among a paper's inputs, and as they are drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.safestring import SafeString

from pilothouse.kernel.watch.pilot_facts import facts_of, piloted
from pilothouse.ui import charts

from . import pilot_words
from .evaluation import CriterionState, Look
from .limits import WEEKS_SHOWN_COUNT

Figure = dict[str, Any]
DIGITS = 4


def figures_of(seen: Look, money: Mapping[str, int] | None) -> list[Figure]:
    """What a report of this pilot shows: the criteria against their targets, its credits, and its weeks."""
    found = [criteria_figure(seen.criteria)]
    if money and money["reserved"]:
        found.append({
            "kind": "money", "title": "Where the reserved credits are", "whole": money["reserved"],
            "parts": [["settled", money["settled"], "settled"], ["refunded", money["refunded"], "returned"],
                      ["in flight", money["in_flight"], "held"]],
        })  # fmt: skip
    if seen.pilot.since and seen.pilot.program in {facts.program for facts in piloted()}:
        weeks = facts_of(seen.pilot.program).weeks(seen.pilot.tenant_id)[:WEEKS_SHOWN_COUNT]
        if weeks:
            found.append(_weeks(list(reversed(weeks)), seen.criteria))
    return found


def criteria_figure(criteria: Sequence[CriterionState]) -> Figure:
    """Each criterion as a bar against its target."""
    rows = []
    for each in criteria:
        value, unit = each.measure.value, each.criterion.unit
        limit = float(each.criterion.target.partition(" ")[2])
        longest = 1.0 if unit == "share" else max(value or 0.0, limit) or 1.0
        rows.append([
            each.criterion.title, f"{pilot_words.value_words(value, unit)} of {each.measure.of}"
            if unit == "count" else pilot_words.value_words(value, unit),
            round((value or 0.0) / longest, DIGITS), round(limit / longest, DIGITS), each.verdict,
        ])  # fmt: skip
    return {"kind": "bars", "title": "The criteria against their targets", "rows": rows}


def _weeks(weeks: Sequence[Any], criteria: Sequence[CriterionState]) -> Figure:
    first = weeks[0].measures[0]
    shown = [
        [
            week.part[5:], None if week.measures[0].value is None else round(week.measures[0].value, DIGITS),
            "—" if week.measures[0].value is None
            else f"{week.measures[0].count}/{week.measures[0].of}",
        ]
        for week in weeks
    ]  # fmt: skip
    target = float(criteria[0].criterion.target.partition(" ")[2])
    return {"kind": "columns", "title": f"{first.title}, by week of creation", "rows": shown, "target": target}


def drawn(figure: Figure) -> tuple[str, SafeString]:
    """(title, SVG) of a figure."""
    title = figure["title"]
    if figure["kind"] == "bars":
        return title, charts.bars([charts.Bar(*row) for row in figure["rows"]], title)
    if figure["kind"] == "money":
        return title, charts.money_bar(figure["whole"], [tuple(part) for part in figure["parts"]], title)
    return title, charts.columns([tuple(row) for row in figure["rows"]], figure["target"], title)
