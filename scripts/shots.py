"""Photographs the pages of a running demo: `python scripts/shots.py FOLDER [--data RUNNING_DATA_FOLDER]`.

Without --data it starts a demo house of its own in a temporary folder and ends it. Each page is taken 1440 and 390
pixels wide, light and dark; the batch twice, on its way and at its end.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
HOUSE_PATIENCE_S = 300
BATCH_PATIENCE_S = 180
# Slower than the 60 calls a minute that the demo key may make.
POLL_S = 1.5
# Long enough to be photographed on the way.
SECONDS = 10
PROMPTS = (
    "A ceramic mug with a speckled glaze on an oak table, steam in the morning light",
    "A linen tote bag on a bicycle handlebar, seaside road, wind",
    "Olive oil poured over fresh bread, close up, warm kitchen",
    "A wool blanket unfolding over a sofa, late autumn sun",
    "An explicit scene that no brand would publish",
    "A steel bottle standing in fresh snow, mountains behind",
    "Paper notebooks fanning open, ink drops falling beside them",
    "A wooden desk lamp switching on in a dark study",
    "Wild berry jam, the spoon breaks the surface, macro",
    "A glass perfume bottle turning on black marble, one narrow beam of light",
)
SIZES = ((1440, 900), (390, 844))
SCHEMES = ("light", "dark")


@contextlib.contextmanager
def demo_house() -> Iterator[Path]:
    """The data folder of a demo house that has run its batch and stays up for the block."""
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "pilothouse.site.cli", "up", "--demo", "--data", str(data)]
        house = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert house.stdout is not None
            deadline = time.monotonic() + HOUSE_PATIENCE_S
            for line in house.stdout:
                if "stays up" in line or time.monotonic() > deadline:
                    break
            if house.poll() is not None:
                raise SystemExit(f"The demo house ended with exit code {house.returncode}.")
            yield data
        finally:
            house.send_signal(signal.SIGINT)
            house.wait(60)


def running_site(data: Path) -> str:
    """The address of the house that runs on this data folder."""
    from pilothouse.site.tree import running

    live = running(data)
    if not live:
        raise SystemExit(f"No house runs on {data}.")
    return str(live["urls"]["site"])


def call(site: str, key: str, path: str, body: Any = None) -> dict[str, Any]:
    """One call of the JSON API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(site + path, data=data, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def new_batch(site: str, data: Path, world: dict[str, Any]) -> str:
    """Buy and create a batch as a customer would; one prompt is refused by the provider."""
    request_id = f"spring-collection-{time.monotonic_ns() // 10**9}"
    command = ["grant", world["tenant_id"], str(10 * len(PROMPTS)), "--description", request_id]
    subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", *command],
        env={**os.environ, "DATA": str(data), "HOUSE_KIND": "demo"}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    items = [
        {"params": {"prompt": prompt, "aspect": "9:16", "seconds": SECONDS}, "metadata": {"sku": f"NW-{number:02d}"}}
        for number, prompt in enumerate(PROMPTS, 1)
    ]
    return str(call(site, world["api_key"], "/v1/batches", {"request_id": request_id, "items": items})["batch_id"])


def wait_for(site: str, key: str, batch: str, ended: int) -> None:
    """Return when at least `ended` of the batch's items have ended."""
    deadline = time.monotonic() + BATCH_PATIENCE_S
    while time.monotonic() < deadline:
        summary = call(site, key, f"/v1/batches/{batch}")["summary"]
        if summary["succeeded"] + summary["failed"] >= ended:
            return
        time.sleep(POLL_S)
    raise SystemExit(f"The batch {batch} did not get to {ended} items in {BATCH_PATIENCE_S} s.")


def sign_in(page: Page, site: str, mail: str, password: str) -> None:
    """Sign in by password."""
    page.goto(f"{site}/account/login/")
    page.fill("input[name=login]", mail)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/account/login" not in url)


def take(page: Page, site: str, path: str, target: Path, name: str) -> None:
    """One page in every size and scheme, as FOLDER/NAME-WIDTH-SCHEME.png."""
    page.goto(site + path)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.wait_for_timeout(400)
            page.screenshot(path=str(target / f"{name}-{width}-{scheme}.png"))


def photograph(data: Path, target: Path) -> None:
    """Take every picture of the house that runs on `data`."""
    site = running_site(data)
    world = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    key = world["api_key"]
    target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context().new_page()
        take(page, site, "/account/login/", target, "sign-in")
        sign_in(page, site, world["people"]["owner"], world["password"])
        batch = new_batch(site, data, world)
        wait_for(site, key, batch, 2)
        take(page, site, f"/batches/{batch}/", target, "batch-running")
        wait_for(site, key, batch, len(PROMPTS))
        take(page, site, f"/batches/{batch}/", target, "batch-done")
        take(page, site, "/batches/", target, "batches")
        browser.close()


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, help="the data folder of a demo house that runs")
    given = parser.parse_args()
    with contextlib.nullcontext(given.data) if given.data else demo_house() as data:
        photograph(data, given.folder)
    print(f"The pictures are in {given.folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
