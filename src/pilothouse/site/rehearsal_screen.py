"""A rehearsal on a terminal: the verdict first, then why, the money, what went wrong, and how it went day by day."""

from datetime import datetime
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pilothouse.ui.units import amount_text, share_text

BARS = " ▁▂▃▄▅▆▇█"
CHART_COLUMNS, BAR_COLUMNS = 42, 60
MARKS = {"pass": ("✓", "green"), "fail": ("✗", "red"), "inconclusive": ("~", "yellow"), "insufficient": ("?", "dim")}
VERDICTS = {"succeeded": "green", "failed": "red", "inconclusive": "yellow"}
# The parts of a money bar, in their order, take these in turn; what is left over is dim.
PARTS = ("green", "cyan", "yellow", "magenta")
INCIDENTS_MAX, FINDINGS_MAX, LINES_MAX = 8, 12, 6
FAULT_WORDS = {
    "workers_down": "all workers down", "endpoint_down": "endpoints down", "provider_storm": "provider storm",
    "bank_refuses": "bank sends payouts back", "worker_death": "a worker died", "clock_jump": "the clock jumped",
    "serialization_failure": "a commit was refused", "duplicate": "something came twice",
    "reordered": "news came in the wrong order",
}  # fmt: skip

Told = dict[str, Any]


def show(told: Told, *, title: str = "", story: bool = False) -> None:
    """Print one rehearsal."""
    console = Console(highlight=False)
    struck = sum(told["faults"]["struck"].values())
    words = f"[bold]Rehearsal of {told['program']}[/bold] · {told['days']} days · seed {told['seed']}"
    words += f" · {struck} faults" if struck else " · without faults"
    console.print()
    console.print(Rule(f"{words}{' · ' + title if title else ''}", align="left", style="dim"))
    console.print(_verdict(told))
    for heading, part in (
        ("Criteria", _criteria(told)), ("Money", _money(told)), ("Day by day", _chart(told)),
        ("Promised times", _deadlines(told)), ("Faults that came", _faults(told)), ("Incidents", _incidents(told)),
        ("Checks", _findings(told)),
    ):  # fmt: skip
        if part is not None:
            console.print(Text(f"\n{heading}", style="bold"))
            console.print(Padding(part, (0, 0, 0, 2)))
    if story:
        console.print(Text("\nStory", style="bold"))
        for line in told["story"]:
            console.print(Text.assemble("  ", (_when(told, line["at"]), "dim"), f"  {line['what']}"), soft_wrap=True)
    console.print(Text("\nNext", style="bold"))
    for line in next_steps(told):
        console.print(Padding(line, (0, 0, 0, 2)))


def _verdict(told: Told) -> Group:
    """The verdict and why it is this one, and the lines of the runbook that nobody has done."""
    pilot = told["pilot"]
    line = Text.assemble(
        "\n", "The verdict, signed by an operator: " if pilot["signed"] else "If it ended here, the verdict would be ",
        (pilot["verdict"], f"bold {VERDICTS[pilot['verdict']]}"), f". {_why(pilot)}",
    )  # fmt: skip
    lines = [line]
    if told["findings"]:
        what = _count(len(told["findings"]), "thing")
        lines.insert(0, Text(f"\n✗ {what} came out that must not be so; see Checks.", style="bold red"))
    if pilot["blocked"]:
        lines.append(Text(f"Nobody could sign it: {pilot['blocked']}", style="yellow"))
    done, left = pilot["lines"]["done"], pilot["lines"]["open"]
    lines.append(Text(f"Runbook: {done} lines done, {len(left)} open{':' if left else '.'}", style="dim"))
    lines += [Text(f"  · {each}", style="dim") for each in left[:LINES_MAX]]
    if len(left) > LINES_MAX:
        lines.append(Text(f"  · and {len(left) - LINES_MAX} more; --json has all", style="dim"))
    return Group(*lines)


def _why(pilot: Told) -> str:
    """What decided the verdict, in one sentence."""
    by: dict[str, list[Told]] = {}
    for each in pilot["criteria"]:
        by.setdefault(each["verdict"], []).append(each)
    failed, short, missed = by.get("fail", []), by.get("insufficient", []), by.get("inconclusive", [])
    if pilot["verdict"] == "succeeded":
        return "Every criterion reached its target."
    if failed:
        return f"Failed: {'; '.join(_against(each, 'fail_at') for each in failed)}."
    if pilot["verdict"] == "failed":
        return f"A failure condition holds: {', '.join(pilot['reasons'])}."
    if short:
        return f"There is too little to say more about: {'; '.join(each['title'] for each in short)}."
    return f"Short of the target, and not so far that it fails: {'; '.join(_against(each) for each in missed)}."


def _against(criterion: Told, bound: str = "target") -> str:
    words = "fails at" if bound == "fail_at" else "aimed at"
    return f"{criterion['title']} ({value_text(criterion)}, {words} {_bound(criterion, bound)})"


def next_steps(told: Told) -> list[str]:
    """What whoever decides whether to begin does now."""
    if told["findings"]:
        return [
            f"Do not begin: {_count(len(told['findings']), 'thing')} came out that must not be so.",
            f"The same again, act by act: {_again(told)} --story",
        ]
    other = f"{_again(told, seed=told['seed'] + 1)}"
    steps = []
    if told["pilot"]["verdict"] == "succeeded":
        steps.append("Nothing here speaks against beginning.")
    elif told["pilot"]["insufficient"]:
        steps.append("Nothing broke. It was too short, or had too few cases, for a verdict.")
    else:
        steps.append(
            "Nothing broke, and these people would not make it a success: settle before it begins whether the targets"
            " and the terms are right. Other terms: --terms FILE."
        )
    if told["lateness"]["late"]:
        steps.append("Look at what was late; with faults some of it is to be expected, without them none is.")
    steps.append(f"One seed is one story. Another: {other}")
    if not told["faults"]["struck"]:
        steps.append(f"With things going wrong: {_again(told)} --faults")
    return steps


def _again(told: Told, seed: int | None = None) -> str:
    words = f"pilothouse rehearse {told['program']} --days {told['days']}"
    words += f" --seed {told['seed'] if seed is None else seed}"
    return words + (" --faults" if told["faults"]["struck"] or told["faults"]["planned"] else "")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _criteria(told: Told) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for justify in ("left", "left", "right", "left"):
        table.add_column(justify=justify)  # type: ignore[arg-type]
    for each in told["pilot"]["criteria"]:
        mark, style = MARKS[each["verdict"]]
        table.add_row(
            Text(mark, style=style), Text.assemble(each["title"], ("\n" + each["sentence"], "dim")),
            Text(value_text(each), style=style), f"target {_bound(each)}",
        )  # fmt: skip
    return table


def value_text(criterion: Told) -> str:
    """A criterion's value with its unit, or a dash."""
    value = criterion["value"]
    if value is None:
        return "—"
    if criterion["unit"] == "share":
        return share_text(value)
    return f"{value:.1f} days" if criterion["unit"] == "days" else f"{value:g}"


def _bound(criterion: Told, name: str = "target") -> str:
    """A target or a bound of failure as a person writes it: `> 90 %`, `< 7 days`."""
    sign, _, number = criterion[name].partition(" ")
    if criterion["unit"] == "share":
        return f"{sign} {100 * float(number):g} %"
    return f"{criterion[name]} days" if criterion["unit"] == "days" else str(criterion[name])


def _money(told: Told) -> Group:
    rows: list[Any] = []
    for each in told["money"]:
        bar = Text()
        for style, amount in zip(PARTS, each["parts"].values(), strict=False):
            width = round(BAR_COLUMNS * amount / each["into"]) if each["into"] else 0
            bar.append("█" * max(width, 1 if amount else 0), style=style)
        rows.append(bar)
        mark = Text(" ✓", "green") if each["holds"] else Text(" ✗ they have another sum", "red")
        came = Text(amount_text(each["into"], each["unit"]), "bold")
        rows.append(Text.assemble(came, " came in = the sum of these", mark))
        parts = [
            Text.assemble(("■ ", style), f"{amount_text(amount, each['unit'])} {name.replace('_', ' ')}")
            for style, (name, amount) in zip(PARTS, each["parts"].items(), strict=False)
        ]
        rows.append(Columns(parts, padding=(0, 3)))
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
        if not most:
            continue
        bars = "".join(BARS[0 if not most else -(-8 * value // most)] for value in values)
        last = told["series"][-1][name]
        numbers = Text.assemble(_compact(last), (f", most {_compact(most)}", "dim"))
        table.add_row(name.replace("_", " "), Text(bars, style="cyan"), numbers)
    last_day = f"day {told['days']}".rjust(len(points) - 5) if told["days"] > 1 else ""
    marks = f"day 1{last_day}" if len(points) > 12 else ""
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


def _deadlines(told: Told) -> Table | Text:
    """Each kind of promised time: how many, how many late, and the worst of them by name."""
    kinds = told["lateness"]["kinds"]
    if not kinds:
        return Text("Nothing was due.", style="dim")
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column()
    for each in kinds:
        late = each["late"]
        count = Text(each["counted"], style="yellow") if late else Text(f"{each['count']}, none late")
        if late:
            count.append(f"\n{_worst(each)}", style="dim")
        if each["excused"]:
            count.append(f"\n{each['excused']} more late, not by our fault", style="dim")
        table.add_row(Text("~", "yellow") if late else Text("✓", "green"), each["title"], count)
    return table


def _worst(kind: Told) -> str:
    if not kind["worst_s"]:
        return f"its time ran out: {kind['worst']}"
    waits = ", and still open" if kind["worst_open"] else ""
    return f"the worst by {length_text(kind['worst_s'])}{waits}: {kind['worst']}"


def named(name: str) -> str:
    """What a name of the story is called: `in_escrow` is In escrow."""
    return name.replace("_", " ").capitalize()


def length_text(seconds: float) -> str:
    """A length of time in its largest unit."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3_600 else f"{seconds / 3_600:.1f} h"


def _faults(told: Told) -> Columns | None:
    struck = told["faults"]["struck"]
    if not struck:
        return None
    return Columns([f"{FAULT_WORDS[kind]} [dim]× {count}[/dim]" for kind, count in struck.items()], padding=(0, 3))


def _incidents(told: Told) -> Group:
    found = told["incidents"]
    lines = [
        Text.assemble(
            (f"{each['severity']} ", "red" if each["severity"] == "P0" else "yellow"),
            (f"{each['kind'].replace('_', ' ')} ", "bold"), (_when(told, each["opened_at"]), "dim"),
            f"  {each['title']} ", (f"({each['state'].replace('_', ' ')})", "dim"),
        )
        for each in found[:INCIDENTS_MAX]
    ]  # fmt: skip
    if len(found) > INCIDENTS_MAX:
        lines.append(Text(f"and {len(found) - INCIDENTS_MAX} more; --json has all.", style="dim"))
    return Group(*(lines or [Text("None.", style="dim")]))


def _findings(told: Told) -> Group:
    acts, found = told["acts"], told["findings"]
    tried = acts["trespasses"]
    words = f"{_count(acts['done'], 'act')} of people"
    if tried:
        codes = ", ".join(f"{code} × {count}" for code, count in tried.items())
        words += f"; what was not theirs to do, {_count(sum(tried.values()), 'time')}, was refused each time: {codes}"
    if not found:
        held = Text.assemble(("✓ ", "green"), "Every promise, invariant and audit held at every look.")
        return Group(held, Text(f"{words}.", style="dim"))
    lines = [
        Text.assemble((f"{each['check']} ", "red"), (_when(told, each["at"]), "dim"), f"  {each['what']}")
        for each in found[:FINDINGS_MAX]
    ]
    if len(found) > FINDINGS_MAX:
        lines.append(Text(f"and {len(found) - FINDINGS_MAX} more; --json has all.", style="dim"))
    return Group(Text(f"✗ {len(found)} found.", style="bold red"), *lines, Text(f"{words}.", style="dim"))


def _when(told: Told, at: str) -> str:
    """An instant of the rehearsal by its day, as the chart counts them: `day 3, 09:15`."""
    days = datetime.fromisoformat(at).date() - datetime.fromisoformat(told["business_time"]["from"]).date()
    return f"day {days.days + 1}, {at[11:16]}"
