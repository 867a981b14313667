"""Two rehearsals of the same people under different terms, side by side: what differs, and by how much."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pilothouse.ui.units import amount_text

from .rehearsal_screen import Told, length_text, named, value_text

CHANGES_MAX = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison; `by` is the difference in words, empty where it has none or there is none."""

    what: str
    before: str
    after: str
    by: str = ""

    @property
    def differs(self) -> bool:
        """Whether the other terms changed it."""
        return self.before != self.after


def compare(before: Told, after: Told, terms: str) -> None:
    """Print what other terms say, and what they would have changed."""
    console = Console(highlight=False)
    given = before["terms"]
    console.print()
    heading = f"[bold]What {terms} would change[/bold] · {given['name']} · the same people, seed {before['seed']}"
    console.print(Rule(heading, align="left", style="dim"))
    changes = after["terms"]["changes"]
    for each in changes[:CHANGES_MAX]:
        old, new = each["before"] or "nothing", each["after"] or "nothing"
        console.print(Text.assemble(f"  {each['field']}: {old} → ", (new, "bold")))
    if len(changes) > CHANGES_MAX:
        console.print(f"  and {len(changes) - CHANGES_MAX} more")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", f"v{given['version']}", terms, "difference"):
        table.add_column(column, justify="right" if column else "left")
    lines = list(compared(before, after))
    for line in lines:
        table.add_row(line.what, line.before, Text(line.after, style="bold" if line.differs else "dim"), line.by)
    console.print(Padding(table, (1, 0, 1, 2)))
    differing = [line.what for line in lines if line.differs]
    if not differing:
        console.print(f"Nothing that is compared differs: {terms} would not have changed this pilot.")
    else:
        console.print(
            f"{len(differing)} of {len(lines)} lines differ. Another seed may tell another story: try --seed."
        )


def compared(before: Told, after: Told) -> Iterator[Line]:
    """The verdict, each criterion, the money, what became of the work, what was late, and what was found."""
    yield Line("Verdict", before["pilot"]["verdict"], after["pilot"]["verdict"])
    for old, new in zip(before["pilot"]["criteria"], after["pilot"]["criteria"], strict=True):
        yield Line(old["title"], value_text(old), value_text(new), _criterion_by(old, new))
    for old, new in zip(before["money"], after["money"], strict=False):
        for name in old["parts"]:
            first, second = old["parts"][name], new["parts"][name]
            by = amount_text(second - first, old["unit"], signed=True) if first != second else ""
            yield Line(named(name), amount_text(first, old["unit"]), amount_text(second, old["unit"]), by)
    ends = before["series"][-1], after["series"][-1]
    # What the money has told already is not told again.
    known = {"at", *(name for each in before["money"] for name in each["parts"])}
    for name in [name for name in ends[0] if name not in known]:
        yield _counted(f"{named(name)} at the end", ends[0][name], ends[1][name])
    yield _counted("Incidents", len(before["incidents"]), len(after["incidents"]))
    yield _counted("Late", before["lateness"]["late"], after["lateness"]["late"])
    old_s, new_s = before["lateness"]["worst_s"], after["lateness"]["worst_s"]
    yield Line("Worst lateness", length_text(old_s), length_text(new_s), _length_by(old_s, new_s))
    yield _counted("Found that should not be so", len(before["findings"]), len(after["findings"]))


def _counted(what: str, before: int, after: int) -> Line:
    return Line(what, f"{before:,}", f"{after:,}", f"{after - before:+,}" if before != after else "")


def _length_by(before: float, after: float) -> str:
    if length_text(before) == length_text(after):
        return ""
    return f"{'+' if after > before else '−'}{length_text(abs(after - before))}"


def _criterion_by(before: Told, after: Told) -> str:
    old, new = before["value"], after["value"]
    if old is None or new is None or value_text(before) == value_text(after):
        return ""
    if before["unit"] == "share":
        return f"{100 * (new - old):+.1f} points"
    return f"{new - old:+.1f} days" if before["unit"] == "days" else f"{new - old:+g}"
