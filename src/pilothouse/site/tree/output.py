"""Where the processes' output goes: the console with a prefix, and one bounded log file each."""

import os
import threading
from collections import deque
from pathlib import Path
from typing import IO, TextIO

from pilothouse.site.tree import limits

COLOURS = ("36", "32", "33", "35", "34")
NAME_WIDTH_CHARACTERS = 8


class Console:
    """The terminal, or nothing. Writes whole lines; a terminal that went away is not an error."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._colours: dict[str, str] = {}
        self._coloured = bool(stream and stream.isatty() and not os.environ.get("NO_COLOR"))

    def line(self, name: str, text: str) -> None:
        """Print one line of a process, or of the tree itself under the name `up`."""
        prefix = f"{name:<{NAME_WIDTH_CHARACTERS}} | "
        if self._coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\033[{colour}m{prefix}\033[0m"
        with self._lock:
            if self._stream is not None:
                try:
                    self._stream.write(f"{prefix}{text}\n")
                    self._stream.flush()
                except (OSError, ValueError):
                    self._stream = None  # closed or hung up; the log files go on


class LogFile:
    """An append-only file that is turned over at a size, with a bounded number of older ones (`name.log.1` …)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._file: IO[bytes] = path.open("ab")

    def write(self, line: bytes) -> None:
        """Append one line, turning the file over first when it would grow too large."""
        if self._file.tell() + len(line) > limits.LOG_FILE_BYTES:
            self._file.close()
            for number in range(limits.LOG_FILES_COUNT - 1, 0, -1):
                older = self._path.with_name(f"{self._path.name}.{number}")
                newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
                if newer.exists():
                    newer.replace(older)
            self._file = self._path.open("ab")
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Output:
    """Reads one process's output in a thread, so that a terminal that is held (Ctrl-S) cannot hold the tree."""

    def __init__(self, name: str, pipe: IO[bytes], log: Path, console: Console | None) -> None:
        self._name, self._pipe, self._console = name, pipe, console
        self._log = LogFile(log)
        self._last: deque[str] = deque(maxlen=limits.LAST_LINES_COUNT)
        self._thread = threading.Thread(target=self._pump, name=f"output of {name}", daemon=True)
        self._thread.start()

    def last_lines(self) -> list[str]:
        """The newest lines, oldest first; waits a moment for what a dead process left in the pipe."""
        self._thread.join(limits.LAST_OUTPUT_WAIT_S)
        return list(self._last)

    def _pump(self) -> None:
        try:
            with self._pipe:
                while raw := self._pipe.readline(limits.LOG_LINE_BYTES):
                    self._take(raw)
        finally:
            self._log.close()

    def _take(self, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        self._last.append(text)
        try:
            self._log.write(raw if raw.endswith(b"\n") else raw + b"\n")
        except OSError as error:  # a full disk must not block the process on its own output
            self._last.append(f"(this line could not be logged: {error.strerror})")
        if self._console is not None:
            self._console.line(self._name, text)
