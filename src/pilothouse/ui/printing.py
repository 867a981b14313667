"""Papers as PDF, set by typst with the fonts of this package alone: the same paper gives the same bytes everywhere."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from .papers import Paper, shown
from .tokens import LIGHT

FOLDER = Path(__file__).parent / "print"
# typst sets no colour emoji; the one of the internal update is drawn as a dot.
DOT = "🟢"


@cache
def _fonts() -> Any:
    # Imported here: most processes print nothing.
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[str(FOLDER / "fonts")])


def as_pdf(paper: Paper, *, product: str, at: datetime) -> bytes:
    """The paper as an A4 PDF. `at` (UTC) is printed and is the file's own date."""
    import typst

    content = {
        "title": paper.title,
        "product": product,
        "made": f"{at:%Y-%m-%d %H:%M} UTC",
        "hash": paper.inputs_sha256,
        "head": [list(each) for each in paper.head],
        "blocks": shown(paper),
        "charts": [{"title": title, "svg": str(svg)} for title, svg in paper.charts],
        "colours": {
            "ink": LIGHT.ink, "muted": LIGHT.muted, "line": LIGHT.line, "strong": LIGHT.line_strong,
            "accent": LIGHT.accent.fill, "sunken": LIGHT.sunken, "done": LIGHT.settled.fill,
        },
        "dot": DOT,
    }  # fmt: skip
    pdf = typst.compile(
        str(FOLDER / "paper.typ"), root=str(FOLDER), font_paths=_fonts(), format="pdf",
        sys_inputs={"paper": json.dumps(content, ensure_ascii=False)}, timestamp=int(at.timestamp()),
    )  # fmt: skip
    assert isinstance(pdf, bytes)
    return pdf
