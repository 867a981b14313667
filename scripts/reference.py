"""docs/reference.md: every command, every error code and every event of a timeline, from what the code says of itself.

Without arguments the page is written again; `--check` writes nothing and fails when it is not current.
"""

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference.md"
HEAD = """# Reference

Written by `make reference` from the code; a test fails when it is not current.
"""
ENDS = """## How a command ends

A refusal is one line on standard error, `code: sentence`; the codes stand below. With `--json` it is one object on
standard output, where the report would have been: `{"ok": false, "error": {"code", "message", "details"}}`.
A mistake in the words of a command has the code `usage`, Ctrl-C `interrupted`.
"""


def setup() -> None:
    """Load the settings and every module, so that every command, error and lifecycle is known."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    os.environ.setdefault("DATA", str(ROOT / ".data"))
    import django

    django.setup()
    import pilothouse
    from pilothouse.site.programs import load_programs

    installed = set(load_programs())
    for found in pkgutil.walk_packages(pilothouse.__path__, "pilothouse."):
        parts = found.name.split(".")
        # What runs when it is imported, and the migrations, say nothing here; what the bench command measures with may
        # want what is not installed.
        ours = parts[1] != "programs" or len(parts) < 3 or parts[2] in installed
        measures = found.name.startswith("pilothouse.site.bench")
        if ours and not measures and not {"__main__", "migrations", "wsgi", "live"} & set(parts):
            importlib.import_module(found.name)


def commands() -> Iterator[tuple[str, str]]:
    """(command, first sentence of its help), by name."""
    from pilothouse.site.cli import parser

    yield from sorted(_commands(parser(), ""))


def _commands(group: Any, before: str) -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", _sentence(command.help or "")


def errors() -> list[type[Any]]:
    """Every error that a caller may see, once for each code, by code."""
    from pilothouse.kernel.base.errors import PilothouseError

    found: dict[str, list[type[Any]]] = {}
    waiting: list[type[Any]] = [PilothouseError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        # A test may have imported what the bench measures with, whose errors nobody but its runner meets.
        if error.__module__.startswith("pilothouse.") and not error.__module__.startswith("pilothouse.site.bench"):
            found.setdefault(error.code, []).append(error)
    # The classes come in the order of their import; of two with one code the same is told every time.
    return [
        min(found[code], key=lambda error: (len(error.__mro__), error.__module__, error.__qualname__))
        for code in sorted(found)
    ]


def lifecycles() -> Iterator[tuple[str, str, str, str]]:
    """(what it is about, event, what it changes, who) for each transition."""
    from pilothouse.kernel.lifecycle.table import REGISTRY

    for name in sorted(REGISTRY):
        seen: dict[str, tuple[set[str], str, set[str]]] = {}
        for step in REGISTRY[name].transitions:
            sources, _to, who = seen.setdefault(step.event, (set(), step.to, set()))
            sources |= set(step.sources)
            who |= set(step.who)
        for event, (sources, to, who) in seen.items():
            old = ", ".join(f"`{state}`" for state in sorted(sources - {to})) or ("any" if sources else "nothing")
            yield name, event, f"{old} → `{to}`", ", ".join(sorted(who))


def _sentence(text: str) -> str:
    """The first paragraph as one line that a table can hold."""
    return " ".join(text.strip().split("\n\n")[0].split()).replace("|", "\\|")


def page() -> str:
    """The whole page."""
    setup()
    from pilothouse.site.cli.refusals import EXIT_CODES

    lines = [HEAD, "## Commands\n", "| `pilothouse …` | what it does |", "|---|---|"]
    lines += [f"| `{name}` | {about} |" for name, about in commands()]
    lines += ["", ENDS, "| exit code | what it means |", "|---|---|"]
    lines += [f"| {code} | {about} |" for code, about in EXIT_CODES.items()]
    lines += ["\n## Error codes\n", "| code | status | what it means |", "|---|---|---|"]
    lines += [f"| `{error.code}` | {error.status} | {_sentence(error.__doc__ or '')} |" for error in errors()]
    lines += ["\n## Events of the timelines\n", "| about | event | from → to | by |", "|---|---|---|---|"]
    lines += [f"| {name} | `{event}` | {change} | {who} |" for name, event, change, who in lifecycles()]
    return "\n".join(lines) + "\n"


def main(check: bool) -> int:
    """Write the page, or check it; 1 when it is not current."""
    text = page()
    if not check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not current:
        print("docs/reference.md is not what the code says of itself: run `make reference`.", file=sys.stderr)
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
