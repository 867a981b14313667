"""Changes one field of each kind in each table of an export, as a forger would who makes all else fit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Steps = tuple[int | str, ...]


def fields(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """(steps to it, value) of everything in a JSON value that is not itself a list or an object."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from fields(each, (*steps, key))
    else:
        yield steps, value


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value[:-1]}{'2' if value.endswith('1') else '1'}" if value else 7


def with_other(text: str, steps: Steps) -> str:
    """A JSON text with another value at the end of these steps."""
    whole = json.loads(text)
    holder = whole
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = other(holder[steps[-1]])
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def every_field(folder: Path) -> Iterator[tuple[str, Steps]]:
    """(file, steps): one field of each kind, the first of its list; the manifest's hashes apart."""
    for path in sorted(folder.glob("*.json")):
        seen = set[Steps]()
        for steps, _ in fields(json.loads(path.read_text())):
            kind = tuple("*" if isinstance(step, int) else step for step in steps)
            if kind not in seen and not (path.name == "manifest.json" and steps[0] == "files"):
                seen.add(kind)
                yield path.name, steps


def unnamed(folder: Path, relabel: Any, claims: Any) -> list[str]:
    """The fields that can be changed without a word of the verifier, when `relabel` makes all else fit."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = []
    for name, steps in every_field(folder):
        (folder / name).write_text(with_other(files[name].decode(), steps))
        relabel(folder)
        if not any(problems for _, problems in claims(folder)):
            found.append(f"{name}: {'/'.join(map(str, steps))}")
        for each, data in files.items():
            (folder / each).write_bytes(data)
    return found
