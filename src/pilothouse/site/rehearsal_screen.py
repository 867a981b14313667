"""A rehearsal on a terminal: the verdict first, then why, the money, what went wrong, and how it went day by day."""

from collections.abc import Iterator
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pilothouse.ui.units import amount_text

BARS = " ▁▂▃▄▅▆▇█"
CHART_COLUMNS, BAR_COLUMNS = 42, 60
MARKS = {"pass": ("✓", "green"), "fail": ("✗", "red"), "inconclusive": ("~", "yellow"), "insufficient": ("?", "dim")}
VERDICTS = {"succeeded": "green", "failed": "red", "inconclusive": "yellow"}
# The parts of a money bar, in their order, take these in turn; what is left over is dim.
PARTS = ("green", "cyan", "yellow", "magenta")
INCIDENTS_MAX, FINDINGS_MAX = 8, 12

Told = dict[str, Any]


def show(told: Told, *, title: str = "", story: bool = False) -> None:
    """Print one rehearsal."""
    console = Console(highlight=False)
    struck = sum(told["faults"]["struck"].values())
    words = f"[bold]Rehearsal of {told['program']}[/bold] · {told['days']} days · seed {told['seed']}"
    words += f" · {struck} faults" if struck else ""
    console.print()
    console.print(Rule(f"{words}{' · ' + title if title else ''}", align="left", style="dim"))
    console.print(_verdict(told))
    for heading, part in (
        ("Criteria", _criteria(told)), ("Money", _money(told)), ("Day by day", _chart(told)),
        ("Timers", _timers(told)), ("Faults", _faults(told)), ("Incidents", _incidents(told)),
    ):  # fmt: skip
        if part is not None:
            console.print(Text(f"\n{heading}", style="bold"))
            console.print(Padding(part, (0, 0, 0, 2)))
    if story:
        console.print(Text("\nStory", style="bold"))
        for line in told["story"]:
            console.print(f"  [dim]{_when(line['at'])}[/dim]  {line['what']}", markup=True, soft_wrap=True)
    console.print()
    console.print(_findings(told))


def compare(before: Told, after: Told, terms: str) -> None:
    """What other terms would have changed; what differs is bold."""
    console = Console(highlight=False)
    console.print()
    console.print(Rule(f"[bold]What {terms} would change[/bold]", align="left", style="dim"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "in force", terms):
        table.add_column(column, justify="right" if column else "left")
    for name, old, new in _compared(before, after):
        table.add_row(name, old, Text(new, style="bold" if new != old else "dim"))
    console.print(Padding(table, (0, 0, 0, 2)))


def _compared(before: Told, after: Told) -> Iterator[tuple[str, str, str]]:
    both = (before, after)
    yield "Verdict", before["pilot"]["verdict"], after["pilot"]["verdict"]
    for old, new in zip(before["pilot"]["criteria"], after["pilot"]["criteria"], strict=True):
        yield old["title"], _value(old), _value(new)
    for old, new in zip(before["money"], after["money"], strict=False):
        for name in old["parts"]:
            first, second = (amount_text(each["parts"][name], each["unit"]) for each in (old, new))
            yield name.replace("_", " ").capitalize(), first, second
    yield "Incidents", *(str(len(each["incidents"])) for each in both)  # type: ignore[misc]
    yield "Timers fired", *(str(each["lateness"]["fired"]) for each in both)  # type: ignore[misc]
    yield "Worst lateness", *(_length(each["lateness"]["worst_s"]) for each in both)  # type: ignore[misc]
    yield "Found", *(str(len(each["findings"])) for each in both)  # type: ignore[misc]


def _verdict(told: Told) -> Group:
    pilot = told["pilot"]
    line = Text.assemble(
        "\nThe verdict ", "is " if pilot["signed"] else "would be ",
        (pilot["verdict"], f"bold {VERDICTS[pilot['verdict']]}"),
        " for want of data" if pilot["insufficient"] else "", ".",
    )  # fmt: skip
    lines = [line]
    if pilot["blocked"]:
        lines.append(Text(f"Nobody could sign it: {pilot['blocked']}", style="yellow"))
    done, left = pilot["lines"]["done"], len(pilot["lines"]["open"])
    lines.append(Text(f"{done} lines of the runbook are done, {left} are open.", style="dim"))
    return Group(*lines)


def _criteria(told: Told) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for justify in ("left", "left", "right", "left"):
        table.add_column(justify=justify)  # type: ignore[arg-type]
    for each in told["pilot"]["criteria"]:
        mark, style = MARKS[each["verdict"]]
        table.add_row(
            Text(mark, style=style), Text.assemble(each["title"], ("\n" + each["sentence"], "dim")),
            Text(_value(each), style=style), f"target {_target(each)}",
        )  # fmt: skip
    return table


def _value(criterion: Told) -> str:
    value = criterion["value"]
    if value is None:
        return "—"
    if criterion["unit"] == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.1f} days" if criterion["unit"] == "days" else f"{value:g}"


def _target(criterion: Told) -> str:
    sign, _, number = criterion["target"].partition(" ")
    return f"{sign} {100 * float(number):g} %" if criterion["unit"] == "share" else criterion["target"]


def _money(told: Told) -> Group:
    rows: list[Any] = []
    for each in told["money"]:
        bar = Text()
        for style, amount in zip(PARTS, each["parts"].values(), strict=False):
            width = round(BAR_COLUMNS * amount / each["into"]) if each["into"] else 0
            bar.append("█" * max(width, 1 if amount else 0), style=style)
        rows.append(bar)
        mark = Text(" ✓", "green") if each["holds"] else Text(" ✗ the parts have another sum", "red")
        rows.append(Text.assemble((amount_text(each["into"], each["unit"]), "bold"), " came in", mark))
        legend = [
            Text.assemble(("■ ", style), f"{name.replace('_', ' ')} {amount_text(amount, each['unit'])}")
            for style, (name, amount) in zip(PARTS, each["parts"].items(), strict=False)
        ]
        rows.append(Columns(legend, padding=(0, 3)))
    return Group(*(rows or [Text("No money moved.", style="dim")]))


def _chart(told: Told) -> Table:
    """One line for each count: its height over the pilot's time, its last value and its highest."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    points = _thinned(told["series"])
    for name in [name for name in told["series"][0] if name != "at"]:
        values = [point[name] for point in points]
        most = max(values)
        bars = "".join(BARS[0 if not most else -(-8 * value // most)] for value in values)
        last = told["series"][-1][name]
        numbers = Text.assemble(_compact(last), (f", most {_compact(most)}", "dim"))
        table.add_row(name.replace("_", " "), Text(bars, style="cyan"), numbers)
    marks = "day 1" + f"day {told['days']}".rjust(len(points) - 5) if len(points) > 12 else ""
    table.add_row("", Text(marks, style="dim"), "")
    return table


def _compact(value: int) -> str:
    """A count in few characters: 12, 34.5k, 239M."""
    for size, word in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if value >= size:
            return f"{value / (1_000 if word == 'k' else size):.3g}{word}"
    return f"{value}"


def _thinned(points: list[Told]) -> list[Told]:
    """At most as many points as fit, evenly chosen, the last one among them."""
    count = min(len(points), CHART_COLUMNS)
    return [points[round(n * (len(points) - 1) / max(1, count - 1))] for n in range(count)]


def _timers(told: Told) -> Text:
    late = told["lateness"]
    if not late["fired"]:
        return Text("None was due.", style="dim")
    worst = f"; the latest ({late['worst']}) by {_length(late['worst_s'])}." if late["worst_s"] else ", none late."
    return Text(f"{late['fired']} fired{worst}")


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3_600 else f"{seconds / 3_600:.1f} h"


def _faults(told: Told) -> Columns | None:
    struck = told["faults"]["struck"]
    if not struck:
        return None
    return Columns([f"{kind.replace('_', ' ')} [dim]× {count}[/dim]" for kind, count in struck.items()], padding=(0, 3))


def _incidents(told: Told) -> Group:
    found = told["incidents"]
    lines = [
        Text.assemble(
            (f"{each['severity']} ", "red" if each["severity"] == "P0" else "yellow"), (f"{each['kind']} ", "bold"),
            (_when(each["opened_at"]), "dim"), f"  {each['title']}",
        )
        for each in found[:INCIDENTS_MAX]
    ]  # fmt: skip
    if len(found) > INCIDENTS_MAX:
        lines.append(Text(f"and {len(found) - INCIDENTS_MAX} more; --json has all.", style="dim"))
    return Group(*(lines or [Text("None.", style="dim")]))


def _findings(told: Told) -> Group:
    found = told["findings"]
    if not found:
        acts = told["acts"]
        refused = sum(acts["refused"].values())
        words = f"Every promise and invariant held through {acts['done']} acts, {refused} of them refused."
        return Group(Text.assemble(("✓ ", "green"), words, (f"  seed {told['seed']}", "dim")))
    lines = [
        Text.assemble((f"  {each['check']} ", "red"), (_when(each["at"]), "dim"), f"  {each['what']}")
        for each in found[:FINDINGS_MAX]
    ]
    again = f"pilothouse rehearse {told['program']} --days {told['days']} --seed {told['seed']}"
    again += " --faults" if told["faults"]["planned"] else ""
    lines.append(Text(f"The same again: {again}", style="dim"))
    return Group(Text(f"✗ {len(found)} found.", style="bold red"), *lines)


def _when(at: str) -> str:
    return f"{at[5:10]} {at[11:16]}"
