"""The rows of the report: one figure each, with what it must hold and what it aims at."""

import platform
from collections.abc import Mapping
from typing import Any

from .rounds import Spread


def row(
    what: str, figure: Spread, hold: float, aim: float, *, unit: str = "×", less: bool = False, void: bool = False
) -> dict[str, Any]:
    """One line of the table. `less` means that a lower figure is better; a void figure neither holds nor fails."""

    def good(limit: float) -> bool:
        return figure.median <= limit if less else figure.median >= limit

    return {
        "what": what, "unit": unit, "figure": round(figure.median, 3), "min": round(figure.low, 3),
        "max": round(figure.high, 3), "hold": hold, "aim": aim, "less_is_better": less, "void": void,
        "holds": void or good(hold), "aims": not void and good(aim),
    }  # fmt: skip


def print_table(reports: Mapping[str, Mapping[str, Any]]) -> None:
    """The reports for a person: figure, spread, hold, aim."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Measured on {platform.machine()}, Python {platform.python_version()}", title_justify="left")
    for name, justify in (
        ("what", "left"), ("median", "right"), ("min to max", "right"), ("hold", "right"), ("aim", "right"),
        ("", "left"),
    ):  # fmt: skip
        table.add_column(name, justify="right" if justify == "right" else "left")
    for report in reports.values():
        for line in report["table"]:
            sign = "≤" if line["less_is_better"] else "≥"
            verdict = "void" if line["void"] else "aim" if line["aims"] else "hold" if line["holds"] else "missed"
            table.add_row(
                line["what"],
                _number(line["figure"], line["unit"]),
                f"{_number(line['min'], line['unit'])} to {_number(line['max'], line['unit'])}",
                f"{sign} {_number(line['hold'], line['unit'])}",
                f"{sign} {_number(line['aim'], line['unit'])}",
                verdict,
            )
    Console(highlight=False).print(table)


def _number(value: float, unit: str) -> str:
    return f"{value:,.2f}{unit}" if value < 10 else f"{value:,.0f}{unit}"
