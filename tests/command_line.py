"""The command line in this process: `pilothouse …` through its own `main`, without the seconds of a new interpreter."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

from pilothouse.site.cli import main


class Said:
    """How a command ended and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """The one JSON value that is its whole output."""
        return json.loads(self.out)


def said(*words: object, typed: str = "") -> Said:
    """Run a command with these words and this standard input."""
    with _streams(typed) as (out, err):
        code = main(list(map(str, words)))
    return Said(code, _text(out), _text(err))


@contextlib.contextmanager
def _streams(typed: str) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    before = sys.stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    sys.stdin = io.TextIOWrapper(io.BytesIO(typed.encode()), "utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield out, err
    finally:
        sys.stdin = before


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()
