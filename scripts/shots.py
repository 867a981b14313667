"""Photographs and judges every page: `python scripts/shots.py FOLDER [--only NAME] [--role ROLE] [--world full]`.

Every address × role × {1440, 390} pixels × {light, dark} × {full, empty house}. The pages are found by following the
links from each role's first page, so a page that nobody can reach is missing and fails; so do serious findings of
axe, too little contrast, violations of the security policy, console errors, a page wider than its window and dead
links. FOLDER/report.json says all of it; the exit code is 1 when anything was found.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import shots_world as worlds
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SIZES = ((1440, 900), (390, 844))
SCHEMES = ("light", "dark")
SERIOUS = ("serious", "critical")
SETTLE_MS = 350
STARTS = {"operator": ("/desk/",), "stranger": ("/account/login/",)}
ROLES = ("stranger", "owner", "engineer", "finance", "operator")
# Addresses that are no page of their own, by the reason.
NOT_PAGES = {
    "takes a form, and leads to a page": (
        "access_invitation_resend access_invitation_withdraw access_key_act access_link_withdraw access_member_remove"
        " account_logout desk:check_run desk:delivery_replay desk:gate_reopen desk:grant_approve desk:grant_refuse"
        " desk:incident_recheck desk:incident_step desk:job_retry desk:tenant_flag desk:tenant_invite"
        " mfa_generate_recovery_codes mfa_login_webauthn mfa_remove_webauthn outbox:cancel outbox:default_rotate"
        " outbox:default_show outbox:endpoint_act outbox:endpoint_secret outbox:endpoint_test outbox:replay"
        " outbox:replay_failed video:cancel video:desk_parity_run"
    ),
    "a part of a page, a file or an answer for machines": (
        "files:serve healthz readyz metrics ledger:statement_csv ledger:statement_xlsx mfa_download_recovery_codes"
        " outbox:delivery_live outbox:test_result video:desk_parity_live video:live"
    ),
    "leads on to another page": "home account_email guides mfa_reauthenticate mfa_authenticate",
    "shown only in the middle of signing in or joining, or to nobody here": (
        "access_invitation account_confirm_email account_confirm_login_code account_email_verification_sent"
        " account_inactive"
        " account_reauthenticate account_reset_password_done account_reset_password_from_key_done"
        " account_set_password mfa_reauthenticate_webauthn"
    ),
    "of a second factor that the demo's people have not set up": (
        "mfa_deactivate_totp mfa_edit_webauthn mfa_list_webauthn mfa_view_recovery_codes"
    ),
}
KINDS = ("axe_serious", "contrast", "csp", "console_errors", "horizontal_scroll", "dead_links", "missing")


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

    def totals(self) -> dict[str, int]:
        """How many findings of each kind."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS}


class Studio:
    """One person's browser in one house."""

    def __init__(self, browser: Browser, data: Path, world: str, role: str, report: Report) -> None:
        self.world, self.role, self.report = world, role, report
        self.site = worlds.site_of(data)
        self.context: BrowserContext = browser.new_context(base_url=self.site)
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
            self._sign_in(known["people"][role], self.password)

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

    def take(self, name: str, address: str, folder: Path, number: int = 0) -> None:
        """One page in every size and scheme, looked at by axe each time."""
        self.report.pages.add(name)
        short = f"{name.replace(':', '.')}{f'-{number}' if number else ''}"
        for width, height in SIZES:
            for scheme in SCHEMES:
                self.page.set_viewport_size({"width": width, "height": height})
                self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                self.page.goto(address, wait_until="load")
                self.page.wait_for_timeout(SETTLE_MS)
                target = folder / self.world / self.role / f"{short}-{width}-{scheme}.png"
                self.page.screenshot(path=str(target), full_page=True)
                self.report.pictures += 1
                self._judge(name, width, scheme)

    def _judge(self, name: str, width: int, scheme: str) -> None:
        for rule, impact, html in _axe(self.page):
            kind = "contrast" if rule == "color-contrast" else "axe_serious"
            if impact in SERIOUS:
                self._say(kind, name, f"{rule}: {html}", width, scheme)
        if not self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"):
            self._say("horizontal_scroll", name, "wider than its window", width, scheme)
        for kind, what in self.complaints:
            self._say(kind, name, what, width, scheme)
        self.complaints.clear()

    def _say(self, kind: str, page: str, detail: str, width: int = 0, scheme: str = "") -> None:
        self.report.findings.append(Finding(kind, self.world, self.role, page, detail, width, scheme))


def _axe(page: Page) -> Iterator[tuple[str, str, str]]:
    for found in Axe().run(page).response["violations"]:
        for node in found["nodes"]:
            yield found["id"], found["impact"], node["html"]


def photograph(browser: Browser, data: Path, world: str, given: argparse.Namespace, report: Report) -> None:
    """Every page of one house, seen by every role."""
    running = worlds.new_batch(data) if world == "full" else ""
    for role in given.role or ROLES:
        studio = Studio(browser, data, world, role, report)
        if running and role == "engineer":
            worlds.wait_for(data, running, 2)
            studio.take("video:batch", f"/batches/{running}/", given.folder, 9)
        found = studio.find()
        if role == "stranger":
            found |= {name: [address] for name, address in worlds.one_time_pages(data).items()}
        for name, addresses in sorted(found.items()):
            if given.only and not any(only in name for only in given.only):
                continue
            for number, address in enumerate(addresses):
                studio.take(name, urlsplit(address)._replace(fragment="").geturl(), given.folder, number)
        print(f"  {world} house, {role}: {report.pictures} pictures so far", flush=True)
        studio.context.close()


def missing(report: Report) -> Iterator[Finding]:
    """Addresses that no role reached and that nobody declared to be no page."""
    from shots_crawl import page_names

    declared = {name for names in NOT_PAGES.values() for name in names.split()}
    for name in sorted(page_names() - report.pages - declared):
        yield Finding("missing", "", "", name, "no role reaches it by links; it is neither photographed nor declared")


def main() -> int:
    """Take the pictures and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", help="a part of an address's name; all when not given")
    parser.add_argument("--role", action="append", choices=ROLES)
    parser.add_argument("--world", action="append", choices=("full", "empty"))
    given = parser.parse_args()
    report = Report()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for world in given.world or ("full", "empty"):
            with worlds.house(world == "full") as data:
                os.environ["DATA"] = str(data)
                _setup()
                photograph(browser, data, world, given, report)
        browser.close()
    if not (given.only or given.role or given.world):
        report.findings += missing(report)
    totals = report.totals()
    shown = {"pictures": report.pictures, "totals": totals, "findings": [asdict(each) for each in report.findings]}
    (given.folder / "report.json").write_text(json.dumps(shown, indent=1), encoding="utf-8")
    print(f"{report.pictures} pictures in {given.folder}; " + ", ".join(f"{n} {kind}" for kind, n in totals.items()))
    return 1 if report.findings else 0


def _setup() -> None:
    import django

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    django.setup()


if __name__ == "__main__":
    sys.exit(main())
