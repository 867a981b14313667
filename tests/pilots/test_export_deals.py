"""A market's pilot exported: the verifier computes its criteria from sealed events, and names what was changed."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "deals"))
from deal_world import JP
from every_field import unnamed
from test_deals_pilot import Pilot
from test_export import PAPERS, SEALS, forged_paper, in_stream, relabel, rewrite, told, wrong

from pilothouse.pilots import verify
from pilothouse.pilots.export import export_pilot
from pilothouse.pilots.messages import send_message
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
DEALS = "Every deal follows from its timeline, terms and ledger"
CRITERIA = "Every criterion follows from the rows"
FAILURES = "Every failure condition follows from the rows"


def first(name: str, key: str, value: Any) -> Callable[[Path], None]:
    """Change one field of the first row of a table."""

    def change(folder: Path) -> None:
        def edit(rows: Any) -> None:
            assert rows[0][key] != value
            rows[0][key] = value

        rewrite(folder / f"{name}.json", edit)

    return change


def dropped(name: str) -> Callable[[Path], None]:
    """Take the first row of a table away."""
    return lambda folder: rewrite(folder / f"{name}.json", lambda rows: rows[1:])


def better_terms(folder: Path) -> None:
    rewrite(folder / "terms.json", lambda rows: rows[0]["body"].update(offerTtlHours=1))


def better_value(folder: Path) -> None:
    rewrite(folder / "criteria.json", lambda told: told["criteria"][2].update(value=0.0))


def calm(folder: Path) -> None:
    rewrite(folder / "criteria.json", lambda told: told["failures"][0].update(holds=True))


def without_a_version(folder: Path) -> None:
    """Take one version of the terms away with all that happened under it, as if it had never been."""
    for name in ("terms", "deals", "disputes"):
        (folder / f"{name}.json").write_text("[]\n")


PLANTED = {
    "a deal's state": (first("deals", "state", "REFUNDED"), DEALS),
    "a deal's end": (first("deals", "ended_at", 1), DEALS),
    "a deal's beginning": (first("deals", "created_at", 1), DEALS),
    "a deal's terms": (first("deals", "terms_hash", "0" * 64), DEALS),
    "a deal that is left out": (dropped("deals"), DEALS),
    "a dispute that is left out": (dropped("disputes"), DEALS),
    "the terms": (better_terms, DEALS),
    "a version with all of its deals": (without_a_version, DEALS),
    "a released amount": (in_stream("ledger", '"release", 8', '"release", 9'), SEALS),
    "an evidence event": (in_stream("timeline", "PHOTO", "VIDEO"), SEALS),
    "a criterion's value": (better_value, CRITERIA),
    "a failure condition": (calm, FAILURES),
    "a report with its hashes": (forged_paper("final_report"), PAPERS),
    "a report that is left out": (dropped("papers"), PAPERS),
}


def test_a_market_is_exported_and_every_change_is_named(
    timed_house: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    pilot = Pilot(timed_house).active()
    market = pilot.market
    for number in range(11):
        deal = market.handed_over(1_000_000_00)
        if number == 0:
            market.claim(deal, "UNDISCLOSED_DEFECT", 50_000_00)
        else:
            with market.scope("buyer"):
                commands.approve(deal, market.buyer)
    # What the pilot is not about: a deal of another template, in dispute.
    market.claim(market.handed_over(200_000, JP), "MISSING_ACCESSORY", 1_000)
    market.draft(1_000_000_00)
    market.pass_time(days=6)
    with pilot.ours():
        send_message(access_pilot(pilot.id), "final_report", {}, channel="note")
    good = tmp_path / "good"
    made = export_pilot(pilot.id, good, "test")
    alone = tmp_path / "verifier"
    alone.mkdir()
    shutil.copy(good / "verify.py", alone)
    code, holds, fails = told(alone, good, "--head", made["heads"]["timeline"])
    assert (code, len(holds), fails) == (0, len(verify.CLAIMS) + 1, [])
    criteria = {each["id"]: each for each in json.loads((good / "criteria.json").read_text())["criteria"]}
    assert criteria["completion"]["of"] == 11
    assert criteria["dispute_frequency"]["value"] == pytest.approx(1 / 11)
    for name, (change, claim) in PLANTED.items():
        copy = Path(shutil.copytree(good, tmp_path / name.replace(" ", "-")))
        change(copy)
        assert "Every file is as it was exported" in wrong(copy), name
        relabel(copy)
        code, holds, fails = told(alone, copy)
        assert (code, "Every file is as it was exported" in holds) == (1, True), name
        assert claim in fails, (name, fails)
    assert unnamed(Path(shutil.copytree(good, tmp_path / "fields")), relabel, verify.claims) == []
    theirs = tmp_path / "theirs"
    export_pilot(pilot.id, theirs, "test", reader="customer")
    assert wrong(theirs) == {}
    assert json.loads((theirs / "papers.json").read_text()) == []
