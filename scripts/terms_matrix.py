"""docs/COUNTRY_TEMPLATE_MATRIX.md: what a new house makes deals with, from the terms that the product ships.

Without arguments the page is written again; `--check` writes nothing and fails when it is not current.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "COUNTRY_TEMPLATE_MATRIX.md"


def page() -> str:
    """The whole page."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    os.environ.setdefault("DATA", str(ROOT / ".data"))
    import django

    django.setup()
    from pilothouse.programs.deals.matrix import markdown, matrix
    from pilothouse.programs.deals.publishing import shipped_terms

    return markdown(matrix(shipped_terms()))


def main(check: bool) -> int:
    """Write the page, or check it; 1 when it is not current."""
    text = page()
    if not check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not current:
        print(f"docs/{PAGE.name} is not what the terms say: run `make matrix`.", file=sys.stderr)
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
