"""Photographs and judges every page: `python scripts/shots.py FOLDER [--only NAME] [--role ROLE] [--world full]`.

Every address × role × {1440, 390} pixels × {light, dark} × {full, empty house}. The pages are found by following the
links from each role's first page, so a page that nobody can reach is missing and fails; so do serious findings of
axe, too little contrast, violations of the security policy, console errors, a page wider than its window and dead
links. FOLDER/report.json says all of it; the exit code is 1 when anything was found.
"""

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import shots_world as worlds
from shots_fill import fill
from shots_pages import ROLES, declared
from shots_studio import Finding, Report, photograph

WORLDS = ("full", "empty")
KINDS = ("axe_serious", "contrast", "csp", "console_errors", "horizontal_scroll", "dead_links", "missing")
# One browser each; more of them only wait for one another on the two cores of a small machine.
BROWSERS_DEFAULT_COUNT = 2


def missing(seen: set[str]) -> Iterator[Finding]:
    """Addresses that no role reached and that nobody declared to be no page, and declared ones that there are not."""
    from shots_crawl import page_names

    known = page_names()
    for name in sorted(known - seen - declared()):
        yield Finding("missing", "", "", name, "no role reaches it by links; it is neither photographed nor declared")
    for name in sorted(declared() - known):
        yield Finding("missing", "", "", name, "it is declared to be no page, and there is no such address")


def everything(given: argparse.Namespace) -> Report:
    """What all roles see in all houses."""
    report, chosen = Report(), [world for world in WORLDS if world in (given.world or WORLDS)]
    with worlds.houses(chosen) as data:
        worlds.setup(data[chosen[0]])
        if "full" in data:
            fill(data["full"])
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(given.browsers, mp_context=spawning, max_tasks_per_child=1) as pool:
            waiting = {
                pool.submit(
                    photograph, data[world], world, role, given.folder, tuple(given.only or ())
                ): f"{world} house, {role}"
                for role in given.role or ROLES
                for world in chosen
            }
            for done in as_completed(waiting):
                report.add(done.result())
                counts = ", ".join(f"{n} {kind}" for kind, n in write(report, given.folder).items() if n)
                print(f"  {waiting[done]}: {report.pictures} pictures so far {counts}", flush=True)
        if not (given.only or given.role or given.world):
            report.findings += missing(report.pages)
    return report


def write(report: Report, folder: Path) -> dict[str, int]:
    """Write what was seen so far; how many findings there are of each kind."""
    counted = Counter(finding.kind for finding in report.findings)
    totals = {kind: counted[kind] for kind in KINDS}
    shown = {"pictures": report.pictures, "totals": totals, "findings": [asdict(each) for each in report.findings]}
    (folder / "report.json").write_text(json.dumps(shown, indent=1), encoding="utf-8")
    return totals


def main() -> int:
    """Take the pictures and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", help="a part of an address's name; all when not given")
    parser.add_argument("--role", action="append", choices=ROLES)
    parser.add_argument("--world", action="append", choices=WORLDS)
    parser.add_argument("--browsers", type=int, default=BROWSERS_DEFAULT_COUNT, help="how many look at the same time")
    given = parser.parse_args()
    report = everything(given)
    totals = write(report, given.folder)
    print(f"{report.pictures} pictures in {given.folder}; " + ", ".join(f"{n} {kind}" for kind, n in totals.items()))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
