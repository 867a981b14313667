"""Draws docs/architecture.md's state pictures from the transition tables: `--check` only says whether they are current.

Between `<!-- diagram NAME -->` and `<!-- end -->` stands what the lifecycle NAME says; nobody edits it by hand.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "architecture.md"
PLACE = re.compile(r"<!-- diagram (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def draw(page: str) -> str:
    """The page with every picture drawn again. Raises KeyError for an unknown lifecycle."""
    from pilothouse.kernel.lifecycle.table import REGISTRY

    def picture(place: re.Match[str]) -> str:
        name = place[1]
        return f"<!-- diagram {name} -->\n```mermaid\n{REGISTRY[name].mermaid()}\n```\n<!-- end -->"

    return PLACE.sub(picture, page)


def missing(page: str) -> list[str]:
    """The lifecycles that have no picture on the page, by name."""
    from pilothouse.kernel.lifecycle.table import REGISTRY

    return sorted(set(REGISTRY) - set(PLACE.findall(page)))


def main() -> int:
    """Write the page, or with --check compare it; 1 when it is not current."""
    from pilothouse.site.cli import setup

    with tempfile.TemporaryDirectory() as data:
        os.environ.setdefault("DATA", data)
        setup()
    page = PAGE.read_text(encoding="utf-8")
    drawn, absent = draw(page), missing(page)
    if absent:
        print(f"docs/architecture.md has no picture of {', '.join(absent)}.", file=sys.stderr)
        return 1
    if "--check" not in sys.argv:
        PAGE.write_text(drawn, encoding="utf-8")
    elif drawn != page:
        print("The pictures of docs/architecture.md are old: run `make diagrams`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
