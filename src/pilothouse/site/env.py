"""Reads settings from the environment and refuses bad values by name."""

import os
from pathlib import Path


class BadSetting(SystemExit):
    """A setting has a value that cannot be used; the process does not start."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"The setting {name} is {value!r}, but it must be {expected}.")


def text(name: str, default: str = "") -> str:
    """A text setting; `NAME_FILE` may hold the path of a file with the value, for secrets."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, default)


def boolean(name: str, default: bool = False) -> bool:
    """A switch: 1/true/yes/on or 0/false/no/off."""
    value = os.environ.get(name)
    if value is None or value == "":
        return default
    lowered = value.strip().lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise BadSetting(name, value, "1, true, yes, on or 0, false, no, off")


def integer(name: str, default: int, minimum: int = 0, maximum: int = 2**31) -> int:
    """A whole number between `minimum` and `maximum`."""
    value = os.environ.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(value)
    except ValueError:
        raise BadSetting(name, value, "a whole number") from None
    if not minimum <= number <= maximum:
        raise BadSetting(name, value, f"between {minimum} and {maximum}")
    return number


def words(name: str, default: str = "") -> list[str]:
    """A list of words separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
