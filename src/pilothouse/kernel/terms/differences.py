"""What two versions of terms say differently."""

import json
from collections.abc import Mapping
from typing import Any


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    """What two bodies differ in: (where, before, after), sorted; an empty text stands for what is not there."""
    found = []
    for key in sorted({*old, *new}):
        before, after, where = old.get(key), new.get(key), f"{path}{key}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{where}.")
        elif before != after:
            found.append((where, _shown(before), _shown(after)))
    return found


def _shown(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
