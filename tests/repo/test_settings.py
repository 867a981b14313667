"""env.sample and docs/operations.md name every setting that the code reads, and no other."""

import dataclasses
import re
from pathlib import Path

import pytest

from pilothouse.programs.video.providers.simulated import SimulatedProfile

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]
# Set by one process for another, or by the operating system: nobody sets them by hand.
INTERNAL = {"PROCESS_NAME", "PILOTHOUSE_TEST_SERVER", "DJANGO_SETTINGS_MODULE", "PATH", "NO_COLOR", "BARE_DATABASE_URL"}
PROVIDERS = ("VIDEO_PROVIDERS", "LOCAL_", "VIDEOS_API_", "VEO_", "SIMULATED_")


def sampled() -> dict[str, tuple[str, str]]:
    """Of each setting in env.sample: its meaning (the comment above it) and its value."""
    found: dict[str, tuple[str, str]] = {}
    meaning = ""
    for line in (ROOT / "env.sample").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            meaning = line[2:]
        elif line:
            name, _, value = line.partition("=")
            assert name not in found, name
            found[name] = (meaning, value)
    return found


def read_in_source() -> set[str]:
    """The settings that Python reads by name."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"env\.(?:text|boolean|integer|words)\(\s*\"([A-Z_]+)\"", text))
        found |= set(re.findall(r"environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"(?!\] *=)", text))
        found |= set(re.findall(r"envvar=\"([A-Z_]+)\"", text))
    return found - INTERNAL


def test_the_sample_names_every_setting_that_is_read_and_no_other() -> None:
    general = {name for name in sampled() if not name.startswith(PROVIDERS)}
    assert general == read_in_source() - {"VIDEO_PROVIDERS"}


def test_the_sample_names_every_part_of_the_providers_settings() -> None:
    folder = ROOT / "src/pilothouse/programs/video/providers"
    text = (folder / "registry.py").read_text(encoding="utf-8")
    parts = set(re.findall(r"(?:settings|self)\.(?:text|needed|whole|decimal)\(\"([A-Z_]+)\"", text))
    assert {"BASE_URL", "KEY", "PROJECT", "IN_FLIGHT_MAX"} <= parts
    parts |= {f"SIMULATED_{field.name.upper()}" for field in dataclasses.fields(SimulatedProfile)}
    names = [name for name in sampled() if name.startswith(PROVIDERS)]
    assert {part for part in parts if not any(name.endswith(part) for name in names)} == set()
    assert {name for name in names if not any(name.endswith(part) for part in parts)} == {"VIDEO_PROVIDERS"}


def test_the_operations_table_is_the_sample() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`|empty) \| (.*) \|$", page, re.MULTILINE)
    assert {name: (meaning, value) for name, value, meaning in rows} == sampled()


@pytest.mark.parametrize("name", ["VIDEO_CONCURRENCY", "DATABASE_POOL_SIZE", "BATCH_ITEMS_MAX_COUNT"])
def test_the_samples_default_is_the_codes(name: str) -> None:
    reads = [path.read_text(encoding="utf-8") for path in (ROOT / "src/pilothouse/site").glob("*.py")]
    (default,) = {match for text in reads for match in re.findall(rf"\"{name}\", \"?([\w_]+)\"?", text)}
    constants = dict(re.findall(r"^([A-Z_]+) = ([\d_]+)", "\n".join(reads), re.MULTILINE))
    assert constants.get(default, default).replace("_", "") == sampled()[name][1].replace("_", "")
