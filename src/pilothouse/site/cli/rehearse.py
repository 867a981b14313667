"""`pilothouse rehearse PROGRAM`: what would happen to a pilot, before it happens."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from . import app, setup
from .acting import DataOption, JsonOption, NoSuchProgram, read_text
from .demo import REHEARSAL_BEGINS
from .refusals import EXIT_REFUSED, FileUnusable

VERSION = re.compile(r"v(\d{1,6})")


@app.command()
def rehearse(
    program: Annotated[str, typer.Argument(help="The program, for example deals.")],
    days: Annotated[int, typer.Option(help="Days of business time, 1 to 400.")] = 42,
    seed: Annotated[int, typer.Option(help="What is drawn follows from it: the same seed, the same story.")] = 1,
    faults: Annotated[bool, typer.Option("--faults", help="Let workers die, clocks jump, answers come twice.")] = False,
    terms: Annotated[
        str, typer.Option(help="Also play it with other terms, and compare: v2 of this house, or a file of terms.")
    ] = "",
    as_json: JsonOption = False,
    story: Annotated[bool, typer.Option("--story", help="Print every act, fault and finding, too.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the rehearsal's database for a look at it.")] = False,
    data: DataOption = Path(".data"),
) -> None:
    """Play a pilot in a database of its own under a clock that jumps from one due instant to the next.

    Every promise and invariant is checked as it goes. Exit 1 when something was found that should not be so.
    """
    os.environ["DATA"] = str(data.absolute())
    setup()
    import logging

    from pilothouse.pilots.rehearsal.play import refuse_unplayable

    from .database import database_up

    made = _population(program)
    refuse_unplayable(days, seed)
    version = VERSION.fullmatch(terms)
    body = _of_file(terms) if terms and not version else None
    logging.getLogger("pilothouse").setLevel(logging.CRITICAL)
    options = {"days": days, "seed": seed, "faults": faults}
    with database_up(makes=True):
        if version:
            body = _of_house(made().terms, int(version[1]))
        with _progress(quiet=as_json) as passed:
            # The other terms first: those that cannot be used are refused before anybody waits.
            other = [_played(program, made, keep, passed, terms=body, **options)] if body is not None else []
            told = [_played(program, made, keep, passed, **options), *other]
    _print(told, terms, as_json, story)
    raise typer.Exit(0 if all(each["holds"] for each in told) else EXIT_REFUSED)


def _print(told: list[dict[str, Any]], terms: str, as_json: bool, story: bool) -> None:
    from pilothouse.site import rehearsal_screen as screen
    from pilothouse.site.rehearsal_comparison import compare

    if as_json:
        whole = told[0] if len(told) == 1 else {"in_force": told[0], "other": told[1]}
        typer.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    screen.show(told[0], story=story)
    if len(told) > 1:
        name = Path(terms).name
        screen.show(told[1], title=f"with {name}", story=story)
        compare(told[0], told[1], name)


def _played(
    program: str, made: Callable[[], Any], keep: bool, passed: Callable[[float], None], **options: Any
) -> dict[str, Any]:
    from pilothouse.pilots.rehearsal.play import rehearse as play
    from pilothouse.site.rehearsal import rehearsal

    with rehearsal(program, datetime(*REHEARSAL_BEGINS, tzinfo=UTC), keep=keep) as database:
        if keep:
            typer.echo(f"The database {database} is kept.", err=True)
        return play(program, made(), passed=passed, **options)


def _population(program: str) -> Callable[[], Any]:
    from pilothouse.site.programs import load_programs

    known = {name: each.population for name, each in load_programs().items() if each.population is not None}
    made = known.get(program)
    if made is None:
        raise NoSuchProgram(program=program, known=", ".join(sorted(known)))
    return made


def _of_file(path: str) -> dict[str, Any]:
    """The body of other terms in a file of JSON."""
    try:
        body = json.loads(read_text(Path(path)))
    except ValueError:
        raise FileUnusable(path=path, reason="It cannot be read as terms, because it is not JSON") from None
    if not isinstance(body, dict):
        raise FileUnusable(path=path, reason="It holds no terms, which are one JSON object")
    return body


def _of_house(of: tuple[str, str], number: int) -> dict[str, Any]:
    """The body of a version of this house, by its number."""
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.terms.queries import versions
    from pilothouse.pilots.rehearsal.errors import RehearsalTermsUnknown
    from pilothouse.site.migrate import migrate

    kind, name = of
    # A house that was never started has no database yet.
    migrate()
    with worker_scope("rehearsal"):
        found = next((row["body"] for row in versions(kind, name) if row["version"] == number), None)
    if found is None:
        raise RehearsalTermsUnknown(wanted=f"v{number}", name=name)
    body: dict[str, Any] = found
    return body


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[float], None]]:
    """How far business time has come, while a person waits."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda part: None
        return
    columns = (TextColumn("Rehearsing"), BarColumn(), TextColumn("{task.percentage:>3.0f} % of the time"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda part: progress.update(task, completed=part)
