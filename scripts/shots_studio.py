"""One person's browser in one house: finds the pages, photographs each in every size and scheme, and judges it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import shots_world as worlds
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from shots_pages import PEOPLE, STARTS

CHROMIUM = "/usr/bin/chromium"
# In this order a page is loaded once and only resized and recoloured: a media query is all that tells them apart.
VIEWS: tuple[tuple[int, int, Literal["light", "dark"]], ...] = (
    (1440, 900, "light"), (1440, 900, "dark"), (390, 844, "dark"), (390, 844, "light"),
)  # fmt: skip
SERIOUS = ("serious", "critical")
SETTLE_MS = 250
# A page may be slow where a machine does other work as well; that is not what is judged here.
PATIENCE_MS = 120_000
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass(slots=True)
class Finding:
    """One thing that is wrong, and where."""

    kind: str
    world: str
    role: str
    page: str
    detail: str
    width: int = 0
    scheme: str = ""


@dataclass(slots=True)
class Report:
    """All that was seen."""

    pictures: int = 0
    pages: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Take in what another studio saw."""
        self.pictures += other.pictures
        self.pages |= other.pages
        self.findings += other.findings


class Studio:
    """The browser of one role."""

    def __init__(self, browser: Browser, data: Path, world: str, role: str, folder: Path) -> None:
        self.world, self.role, self.folder = world, role, folder / world / role
        self.report = Report()
        self.site = worlds.site_of(data)
        self.context: BrowserContext = browser.new_context(base_url=self.site, reduced_motion="reduce")
        self.context.set_default_timeout(PATIENCE_MS)
        self.complaints: list[tuple[str, str]] = []
        self.context.expose_binding("violated", lambda _source, what: self.complaints.append(("csp", what)))
        self.context.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (event) => window.violated(event.violatedDirective + ' ' + event.blockedURI));"
        )
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(("console_errors", str(error))))
        self.password = ""
        if role != "stranger":
            known = worlds.world_of(data)
            self.password = known["password"]
            self._sign_in(known["people"][PEOPLE[role]], self.password)

    def _heard(self, said: Any) -> None:
        if said.type == "error":
            self.complaints.append(("console_errors", said.text))

    def _sign_in(self, mail: str, password: str) -> None:
        self.page.goto("/account/login/")
        self.page.fill("input[name=login]", mail)
        self.page.fill("input[name=password]", password)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_url(lambda url: "/account/login" not in url)

    def find(self) -> dict[str, list[str]]:
        """The pages that this person can reach, with the password given once more for those that ask for it."""
        from shots_crawl import crawl

        if self.password:
            self.page.goto("/account/two-factor/totp/activate/")
            if "reauthenticate" in self.page.url:
                self.page.fill("input[name=password]", self.password)
                self.page.press("input[name=password]", "Enter")
                self.page.wait_for_url(lambda url: "reauthenticate" not in url)
        found = crawl(self.context.request, self.site, STARTS.get(self.role, ("/",)))
        for dead in found.dead:
            self._say("dead_links", "", dead)
        return {name: addresses for name, addresses in found.pages.items() if name}

    def take(self, name: str, address: str, number: int = 0) -> None:
        """One page in every size and scheme, looked at by axe each time."""
        self.report.pages.add(name)
        short = f"{name.replace(':', '.')}{f'-{number}' if number else ''}"
        width, height, scheme = VIEWS[0]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=scheme)
        self.page.goto(urlsplit(address)._replace(fragment="").geturl(), wait_until="load")
        self.page.evaluate(AXE_SCRIPT)
        for width, height, scheme in VIEWS:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme=scheme)
            self.page.wait_for_timeout(SETTLE_MS)
            self.page.screenshot(path=str(self.folder / f"{short}-{width}-{scheme}.png"), full_page=True)
            self.report.pictures += 1
            self._judge(name, width, scheme)

    def _judge(self, name: str, width: int, scheme: str) -> None:
        for rule, impact, html in self._axe():
            kind = "contrast" if rule == "color-contrast" else "axe_serious"
            if impact in SERIOUS:
                self._say(kind, name, f"{rule}: {html}", width, scheme)
        if self.page.evaluate(WIDER):
            self._say("horizontal_scroll", name, "wider than its window", width, scheme)
        for kind, what in self.complaints:
            self._say(kind, name, what, width, scheme)
        self.complaints.clear()

    def _axe(self) -> Iterator[tuple[str, str, str]]:
        found = self.page.evaluate("axe.run({resultTypes: ['violations']}).then((found) => found.violations)")
        for rule in found:
            for node in rule["nodes"]:
                yield rule["id"], rule["impact"], node["html"]

    def _say(self, kind: str, page: str, detail: str, width: int = 0, scheme: str = "") -> None:
        self.report.findings.append(Finding(kind, self.world, self.role, page, detail, width, scheme))


def photograph(data: Path, world: str, role: str, folder: Path, only: tuple[str, ...]) -> Report:
    """Every page of one house as one role sees it, in its own process; the engineer's begin with a batch on its way."""
    os.environ.update(
        DATA=str(data), DJANGO_ALLOW_ASYNC_UNSAFE="true", DJANGO_SETTINGS_MODULE="pilothouse.site.settings"
    )
    import django

    django.setup()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        studio = Studio(browser, data, world, role, folder)
        if world == "full" and role == "engineer" and not only:
            running = worlds.new_batch(data)
            worlds.wait_for(data, running, 2)
            studio.take("video:batch", f"/batches/{running}/", 9)
        found = studio.find()
        found |= {name: [address(data)] for name, address in worlds.UNLINKED.get(role, {}).items()}
        for name, addresses in sorted(found.items()):
            if only and not any(part in name for part in only):
                continue
            for number, address in enumerate(addresses):
                studio.take(name, address, number)
        browser.close()
    return studio.report
