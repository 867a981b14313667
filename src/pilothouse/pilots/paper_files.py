"""A pilot's reports as files: Markdown and PDF, for the command line and whoever hands them on."""

from pathlib import Path

from pilothouse.kernel.base.clock import business_now
from pilothouse.ui.paper_files import as_bytes
from pilothouse.ui.papers import Paper

from .messages import draft, text_in, texts_of
from .pilot_reads import access_pilot
from .runbook import pinned


def write_paper(paper: Paper, path: Path) -> Path:
    """Write a paper as what the path's ending says, `.md` or `.pdf`; returns the path (in an open scope)."""
    path.write_bytes(as_bytes(paper, path.suffix[1:], business_now()))
    return path


def write_text(public_id: str, text_id: str, path: Path, spoken: dict[str, str] | None = None) -> Paper:
    """Write one text of a pilot as it is now; returns the paper (operators' scope)."""
    pilot = access_pilot(public_id)
    text_in(pinned(pilot.runbook_hash), text_id)
    paper = draft(pilot, text_id, spoken).paper
    write_paper(paper, path)
    return paper


def write_reports(public_id: str, folder: Path) -> list[Path]:
    """Every report of a pilot, `TEXT.md` and `TEXT.pdf` of each, into a folder; returns the paths (ops scope)."""
    folder.mkdir(parents=True, exist_ok=True)
    pilot = access_pilot(public_id)
    written = []
    for text in texts_of(pinned(pilot.runbook_hash)):
        if text.audience == "internal":
            paper = draft(pilot, text.id).paper
            written += [write_paper(paper, folder / f"{text.id}.{kind}") for kind in ("md", "pdf")]
    return written
