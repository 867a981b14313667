"""docs/openapi.json: what customers' programs are written against.

Without arguments the snapshot is written again from this checkout, unless that would break a program which works today:
something removed, a type changed, an input newly required or narrowed. Such a change has to be declared first, by its
exact line, under "Declared" in docs/api-changes.md. `--check` writes nothing and fails when the snapshot is not current
or breaks something undeclared. What only adds needs no declaration.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = ROOT / "docs" / "openapi.json"
CHANGES = ROOT / "docs" / "api-changes.md"
Json = dict[str, Any]
# Fewer values fit under a higher one of the first, and under a lower one of the second.
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def document() -> Json:
    """The document as a house serves it, without what each house sets itself."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    os.environ.setdefault("DATA", str(ROOT / ".data"))
    import django

    django.setup()
    from pilothouse.site.urls import API

    found: Json = json.loads(json.dumps(API.get_openapi_schema(path_prefix=""), default=str))
    found["info"]["title"] = "API"
    del found["servers"]
    return found


def breaks(old: Json, new: Json) -> list[str]:
    """One line for each thing that a working program could notice, sorted."""
    return sorted(set(_paths(old, new)))


def declared() -> set[str]:
    """The lines that docs/api-changes.md declares: its list items that begin with a code span."""
    return set(re.findall(r"^- `([^`]+)`", CHANGES.read_text(encoding="utf-8"), re.MULTILINE))


def _paths(old: Json, new: Json) -> Iterator[str]:
    for path, operations in old["paths"].items():
        for method, was in operations.items():
            where = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{where} removed"
                continue
            yield from _parameters(where, was, now)
            yield from _bodies(where, old, new, was, now)


def _parameters(where: str, was: Json, now: Json) -> Iterator[str]:
    before = {one["name"]: one for one in was.get("parameters", [])}
    after = {one["name"]: one for one in now.get("parameters", [])}
    for name, one in before.items():
        if name not in after:
            yield f"{where} ?{name} removed"
        else:
            yield from _schema(f"{where} ?{name}", {}, {}, one["schema"], after[name]["schema"], given=True)
    for name, one in after.items():
        if one.get("required") and not before.get(name, {}).get("required"):
            yield f"{where} ?{name} required"


def _bodies(where: str, old: Json, new: Json, was: Json, now: Json) -> Iterator[str]:
    for kind, body in was.get("requestBody", {}).get("content", {}).items():
        other = now.get("requestBody", {}).get("content", {}).get(kind)
        if other is None:
            yield f"{where} takes no {kind}"
        else:
            yield from _schema(f"{where} body", old, new, body["schema"], other["schema"], given=True)
    for status, answer in was["responses"].items():
        if status not in now["responses"]:
            if status < "300":
                yield f"{where} {status} removed"
            continue
        for kind, body in answer.get("content", {}).items():
            other = now["responses"][status].get("content", {}).get(kind)
            if other is None:
                yield f"{where} {status} answers no {kind}"
            else:
                yield from _schema(f"{where} {status}", old, new, body["schema"], other["schema"], given=False)


def _schema(where: str, old: Json, new: Json, was: Json, now: Json, *, given: bool) -> Iterator[str]:
    """Compare what stood at one place; `given` says that callers give it, so that narrowing breaks them."""
    was, now = _resolved(old, was), _resolved(new, now)
    types_was, types_now = _types(was), _types(now)
    lost = types_was - types_now if given else types_now - types_was
    if lost and types_was and types_now:
        yield f"{where}: type {'/'.join(sorted(types_was))} is now {'/'.join(sorted(types_now))}"
    yield from _values(where, was.get("enum"), now.get("enum"), given)
    if given:
        yield from _narrowed(where, was, now)
    for name, field in was.get("properties", {}).items():
        other = now.get("properties", {}).get(name)
        if other is None:
            yield f"{where}.{name} removed"
        else:
            yield from _schema(f"{where}.{name}", old, new, field, other, given=given)
    required_was, required_now = set(was.get("required", [])), set(now.get("required", []))
    for name in sorted(required_now - required_was if given else required_was - required_now):
        if given or name in now.get("properties", {}):
            yield f"{where}.{name} {'required' if given else 'may be missing'}"
    if isinstance(was.get("items"), dict) and isinstance(now.get("items"), dict):
        yield from _schema(f"{where}[]", old, new, was["items"], now["items"], given=given)


def _values(where: str, was: list[Any] | None, now: list[Any] | None, given: bool) -> Iterator[str]:
    """Values that are gone, or that alone may be given from now on; a new value of an answer only adds."""
    if was is None:
        if given and now is not None:
            yield f"{where}: only {', '.join(map(str, now))}"
        return
    for value in was if now is not None else []:
        if value not in (now or []):
            yield f"{where}: value {value} removed"


def _narrowed(where: str, was: Json, now: Json) -> Iterator[str]:
    for bound in (*LOWER_BOUNDS, *UPPER_BOUNDS, "pattern"):
        a, b = was.get(bound), now.get(bound)
        if a == b or b is None:
            continue
        if a is None or bound == "pattern" or (b > a if bound in LOWER_BOUNDS else b < a):
            yield f"{where}: {bound} {'none' if a is None else a} is now {b}"


def _types(schema: Json) -> set[str]:
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    for choice in schema.get("anyOf", []):
        found |= {"object"} if "$ref" in choice else _types(choice)
    return found


def _resolved(document: Json, schema: Json) -> Json:
    """The schema behind a reference, also when null may stand instead of it."""
    reference = schema.get("$ref") or next((c["$ref"] for c in schema.get("anyOf", []) if "$ref" in c), "")
    if not reference:
        return schema
    target: Json = document["components"]["schemas"][reference.rpartition("/")[2]]
    return {**target, "type": sorted(_types(schema) | _types(target))}


def main(check: bool) -> int:
    """Write or check the snapshot; 1 when it cannot be."""
    new = document()
    text = json.dumps(new, indent=2, ensure_ascii=False) + "\n"
    old_text = SNAPSHOT.read_text(encoding="utf-8") if SNAPSHOT.exists() else text
    undeclared = [line for line in breaks(json.loads(old_text), new) if line not in declared()]
    for line in undeclared:
        print(f"breaks programs that work today, and docs/api-changes.md does not declare it: {line}", file=sys.stderr)
    if undeclared:
        return 1
    if check:
        if text != old_text:
            print("docs/openapi.json is not what this checkout serves: run `make openapi`.", file=sys.stderr)
        return int(text != old_text)
    SNAPSHOT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
