"""Links of the pages lead somewhere, and their pictures are current."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    # What a house fills in when it serves a guide is not known here.
    written = [link for link in links if "://" not in link and not link.startswith("{{")]
    assert [link for link in written if not (page.parent / link).exists()] == []


def test_the_map_of_the_house_is_true() -> None:
    """Each room of the picture is a folder and each folder a room; each file that the page opens is there."""
    house = ROOT / "src" / "pilothouse"
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = page.partition("```\n")[2].partition("```")[0]
    drawn = set(re.findall(r"^ +([a-z]+)/", picture, re.MULTILINE))
    groups = ("programs", "kernel")
    packages = [path.parent for path in [*house.glob("*/__init__.py"), *house.glob("*/*/__init__.py")]]
    assert drawn == {
        path.name for path in packages if path.parent.name in groups or (path.parent == house and path.name != "locale")
    }
    opened = re.findall(r"`((?:site|pilots|programs|kernel|ui)/[\w./-]+)`", page)
    assert len(opened) > 30
    assert [path for path in opened if not (house / path).exists()] == []


def test_the_list_of_decisions_is_whole() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
    for path in folder.glob("0*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} · ")
        assert all(part in text for part in ("**Context.**", "**Decision.**", "**Consequences.**"))


def test_the_pictures_of_the_states_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/diagrams.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_matrix_of_countries_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/terms_matrix.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {
        word
        for call in re.findall(r"(?:^|`)make ([a-z0-9 ]+?)(?:`|  |$)", readme, re.MULTILINE)
        for word in call.split()
    }
    assert named
    assert named <= targets
