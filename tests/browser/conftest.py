"""A live house with its demo world, and people who look at it with a real browser.

One house for all browser tests of a test process: a test that changes what others read makes a tenant of its own
(`pilothouse tenant|member|key|grant` through `house.cli`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page
from real_browser import Chromium

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "demo"))
from live_tree import LiveTree, cli, data_folder
from patience import until

DEMO_PATIENCE_S = 180.0
STEP_PATIENCE_MS = 15_000
SERIOUS = ("serious", "critical")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits for the demo world before its own time begins."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(DEMO_PATIENCE_S + 300))


class LiveHouse:
    """The running demo house: its address, its people and its key, and the command line on its data folder."""

    def __init__(self, tree: LiveTree) -> None:
        self.tree = tree
        self.site = tree.site
        world = json.loads((tree.data / "demo.json").read_text())
        self.people: dict[str, str] = world["people"]
        self.password: str = world["password"]
        self.key: str = world["api_key"]
        self.tenant: str = world["tenant_id"]

    def cli(self, *arguments: str) -> str:
        """Run one command on this house; its standard output. It must succeed."""
        done = cli(self.tree.data, *arguments, HOUSE_KIND="demo")
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-4000:])
        return done.stdout


@pytest.fixture(scope="session")
def live() -> Iterator[LiveHouse]:
    """A process tree that has run its demo batch and stays up."""
    with data_folder() as data:
        tree = LiveTree(data).up("--demo")
        try:
            until(lambda: "stays up" in tree.output() or tree.has_ended(), DEMO_PATIENCE_S, 0.5)
            assert not tree.has_ended(), tree.output()
            yield LiveHouse(tree)
        finally:
            if not tree.has_ended():
                tree.stop()


class People:
    """Opens signed-in pages; remembers each person's session and every complaint of their browsers."""

    def __init__(self, browser: Browser, house: LiveHouse) -> None:
        self.browser = browser
        self.house = house
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []

    def stranger(self, width: int = 1440, scheme: str = "light", **options: Any) -> Page:
        """A page of somebody who is not signed in."""
        context = self.browser.new_context(
            base_url=self.house.site,
            viewport={"width": width, "height": 900 if width > 640 else 844},
            color_scheme=scheme,  # type: ignore[arg-type]
            **options,
        )
        self.contexts.append(context)
        context.set_default_timeout(STEP_PATIENCE_MS)
        context.expose_binding("violated", lambda _source, what: self.complaints.append(what))
        context.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (event) => window.violated(event.violatedDirective + ' ' + event.sourceFile));"
        )
        page = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def __call__(self, who: str, path: str = "/", **options: Any) -> Page:
        """Sign in and open `path`. `who` is a role of the demo world, or an address with its password."""
        page = self.stranger(**options)
        self._sign_in(page.context, self.house.people.get(who, who))
        page.goto(path)
        return page

    def _sign_in(self, context: BrowserContext, email: str) -> None:
        """Send the form as the page does, without drawing it: that it works by hand is a test of its own."""
        context.request.get("/account/login/")
        token = next(each["value"] for each in context.cookies() if each["name"] == "csrftoken")
        form = {"login": email, "password": self.house.password, "csrfmiddlewaretoken": token}
        answer = context.request.post("/account/login/", form=form, max_redirects=0)
        assert answer.status == 302, (email, answer.status)


@pytest.fixture
def person(live: LiveHouse, chromium: Chromium, browser: Browser) -> Iterator[People]:
    """`person("engineer", "/batches/")`; at the end no console error and no policy violation may have been seen."""
    people = People(browser, live)
    yield people
    chromium.close(people.contexts)
    assert people.complaints == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Fails on a serious finding of axe, on a page that is wider than its window, and where the person has no name."""

    def check(page: Page) -> None:
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        # A view whose context has a word of the frame's own would take the name out of the menu.
        assert page.locator(".account-initial:empty").count() == 0

    return check


@pytest.fixture(scope="module")
def market(live: LiveHouse) -> dict[str, str]:
    """A market with payments in the live house, made in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "PILOTHOUSE_"))}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("payments_world.py"))],
        env={**kept, "DATA": str(live.tree.data), "HOUSE_KIND": "demo"},
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    world: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return world
