"""A paper as a file: Markdown or PDF."""

from datetime import datetime

from django.conf import settings
from django.http import Http404, HttpResponse

from .papers import Paper
from .printing import as_pdf

FORMATS = {"md": "text/markdown; charset=utf-8", "pdf": "application/pdf"}


def as_bytes(paper: Paper, kind: str, at: datetime) -> bytes:
    """A paper as one of FORMATS; `at` (UTC) is printed on the PDF and is its own date."""
    if kind == "pdf":
        return as_pdf(paper, product=settings.PRODUCT_NAME, at=at)
    return f"{paper.markdown}\n".encode()


def as_file(paper: Paper, kind: str, name: str, at: datetime) -> HttpResponse:
    """The same as a download, `name` with its ending. Raises Http404 for another kind."""
    if kind not in FORMATS:
        raise Http404
    answer = HttpResponse(as_bytes(paper, kind, at), content_type=FORMATS[kind])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer
