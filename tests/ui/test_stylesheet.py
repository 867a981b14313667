"""The committed stylesheet, scripts and lock are what this checkout makes and need no other host."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pilothouse import ui

pytestmark = pytest.mark.unit
ROOM = Path(ui.__file__).parent
ROOT = ROOM.parents[2]
SERVED = ROOM / "static" / "ui"


def test_committed_stylesheet_is_current() -> None:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "tailwindcss").is_dir():
        pytest.skip("needs node and `npm ci`")
    done = subprocess.run(
        ["node", str(ROOM / "styles" / "check.mjs")], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_stylesheet_asks_nothing_of_other_hosts() -> None:
    css = (SERVED / "app.css").read_text(encoding="utf-8")
    urls = [url.strip("\"'") for url in re.findall(r"url\(([^)]{1,80})", css)]
    fonts = {url for url in urls if "woff2" in url}
    assert fonts == {f"./fonts/inter-{script}.woff2" for script in ("cyrillic", "cyrillic-ext", "latin", "latin-ext")}
    for url in fonts:
        assert (SERVED / url).read_bytes()[:4] == b"wOF2"
    assert not [url for url in urls if url.startswith(("http", "//"))]
    assert "@import" not in css


def test_stylesheet_carries_both_themes_and_tabular_figures() -> None:
    css = (SERVED / "app.css").read_text(encoding="utf-8")
    assert "[data-theme=light]" in css
    assert "[data-theme=dark]" in css
    assert "prefers-color-scheme:dark" in css.replace(" ", "")
    assert "tabular-nums" in css
    assert "prefers-reduced-motion" in css


def test_lock_names_no_host_to_download_from() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if not entry.get("integrity") and not entry.get("inBundle")]
    wanted = lock["packages"][""]["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values()), "exact versions only"


def test_scripts_build_no_markup_and_evaluate_nothing() -> None:
    for script in (SERVED / "scripts").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|\.style\b", text), script.name
