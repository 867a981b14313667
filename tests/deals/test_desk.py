"""The dispute desk by Django's client, on a market whose time is moved by hand."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from deal_world import MN, NOTE, Market
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.programs.deals import commands
from pilothouse.programs.deals.models import Dispute
from pilothouse.programs.deals.terms import in_force

pytestmark = pytest.mark.house
PASSWORD = "a long pass phrase 7"
PRICE = 3_000_000_000
GOOD = {"audit_reason": "evidence_clear", "note": NOTE, "outcome_1": "OFFSET_50_OF_CAP"}


@pytest.fixture
def desk(market: Market) -> Any:
    """The market with operators; `desk(who)` is a signed-in browser."""
    with worker_scope("test"):
        for role in ("admin", "support"):
            add_operator(f"{role}@ours.example", role, role.title(), PASSWORD)
    with tenant_scope(market.tenant.id, "test"):
        add_member(market.tenant.id, "owner@example.mn", "owner", "Omar", PASSWORD)

    def browser(who: str) -> Client:
        client = Client()
        person = get_user_model().objects.get(email=who if "@" in who else f"{who}@ours.example")
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser


def text_of(answer: Any) -> str:
    return str(answer.content.decode()).replace("\xa0", " ")


def test_the_nearest_expiry_stands_on_top_and_filters_are_kept(market: Market, desk: Any) -> None:
    first = market.handed_over(PRICE)
    late = market.claim(first, "UNDISCLOSED_DEFECT", 500_000_000, ("PHOTO",))
    market.pass_time(hours=44)
    second = market.handed_over(PRICE)
    fresh = market.claim(second, "COSMETIC_DAMAGE", 50_000_000)
    client = desk("admin")
    page = text_of(client.get("/admin/disputes"))
    assert page.index(late.public_id) < page.index(fresh.public_id)
    assert 'data-stage="last"' in page
    assert "4 h 0 min left" in page
    assert "missing: Document" in page
    only = text_of(client.get("/admin/disputes?evidence=complete&code=COSMETIC_DAMAGE"))
    assert fresh.public_id in only
    assert late.public_id not in only
    newest = text_of(client.get("/admin/disputes?sort=newest"))
    assert newest.index(fresh.public_id) < newest.index(late.public_id)
    assert late.public_id not in text_of(client.get("/admin/disputes?state=ended"))
    assert "No dispute matches" in text_of(client.get("/admin/disputes?q=nothing+like+it"))


def test_a_decision_is_shown_with_both_amounts_and_taken_once(market: Market, desk: Any) -> None:
    deal = market.handed_over(PRICE)
    dispute = market.claim(deal, "UNDISCLOSED_DEFECT", 500_000_000, ("PHOTO", "DOCUMENT"))
    client = desk("admin")
    page = text_of(client.get(f"/admin/disputes/{dispute.public_id}"))
    assert page.count('type="radio"') == 6
    half = re.sub(r"<[^>]+>", "", page.partition("OFFSET_50_OF_CAP")[2].partition("</label>")[0])
    assert re.findall(r"[\d,]+ ₮", half) == ["1,500,000 ₮", "28,500,000 ₮"]
    shown = text_of(client.post(f"/admin/disputes/{dispute.public_id}/review", GOOD))
    assert "1,500,000 ₮ goes to the buyer" in shown.replace('<b class="font-medium">', "").replace("</b>", "")
    assert market.deal(deal).state == "ISSUE"
    done = client.post(f"/admin/disputes/{dispute.public_id}/decide", GOOD, follow=True)
    assert "1,500,000 ₮ goes to the buyer" in text_of(done)
    again = client.post(f"/admin/disputes/{dispute.public_id}/decide", GOOD, follow=True)
    assert "ended already" in text_of(again)
    found = market.deal(deal)
    assert (found.state, found.to_buyer, found.to_seller) == ("SETTLED", 150_000_000, 2_850_000_000)
    ended = market.dispute(deal)
    assert (ended.decided_by, ended.audit_reason, ended.audit_note) == (
        "operator:admin@ours.example", "evidence_clear", NOTE
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outcome_1": "OFFSET_SPLIT"}, "do not allow this outcome"),
        ({"outcome_1": "1500000"}, "do not allow this outcome"),
        ({"outcome_1": ""}, "Choose one outcome"),
        ({"audit_reason": ""}, "required"),
        ({"note": "too short"}, "at least 20"),
        ({"note": " " * 30}, "required"),
        ({"amount": "1500000"}, "amount is not a field"),
        ({"outcome_2": "OFFSET_FULL_CAP"}, "outcome_2 is not a field"),
    ],
)
def test_everything_else_is_refused(market: Market, desk: Any, change: dict[str, str], said: str) -> None:
    deal = market.handed_over(PRICE)
    dispute = market.claim(deal, "COSMETIC_DAMAGE", 50_000_000)
    client = desk("admin")
    for step in ("review", "decide"):
        answer = client.post(f"/admin/disputes/{dispute.public_id}/{step}", {**GOOD, **change})
        assert answer.status_code == 422
        assert said in text_of(answer)
    assert market.deal(deal).state == "ISSUE"


def test_a_party_judges_nothing_and_support_only_looks(market: Market, desk: Any) -> None:
    deal = market.handed_over(PRICE)
    dispute = market.claim(deal, "COSMETIC_DAMAGE", 50_000_000)
    with worker_scope("test"):
        add_operator(market.mails["buyer"], "operator", "Buyer", PASSWORD)
    party = desk(market.mails["buyer"])
    assert "You are a party of this deal" in text_of(party.get(f"/admin/disputes/{dispute.public_id}"))
    answer = party.post(f"/admin/disputes/{dispute.public_id}/decide", GOOD)
    assert answer.status_code == 403
    assert "another operator must decide" in text_of(answer)
    support = desk("support")
    assert support.get(f"/admin/disputes/{dispute.public_id}").status_code == 200
    assert support.post(f"/admin/disputes/{dispute.public_id}/decide", GOOD).status_code == 403
    assert desk("owner@example.mn").get("/admin/disputes").status_code == 404
    assert market.deal(deal).state == "ISSUE"


@pytest.mark.parametrize(
    ("decision", "state", "to_buyer"), [("HANDOVER_CONFIRMED", "INSPECTION", 0), ("NOT_HANDED_OVER", "REFUNDED", PRICE)]
)
def test_a_contested_handover_has_two_decisions(
    market: Market, desk: Any, decision: str, state: str, to_buyer: int
) -> None:
    deal = market.funded(PRICE)
    market.file_handover(deal)
    with market.scope("buyer"):
        commands.contest_handover(deal, market.buyer, reason="not_received", note="Nobody came.")
    client = desk("admin")
    assert "Contested handovers" in text_of(client.get("/admin/disputes"))
    here = f"/admin/disputes/handovers/{deal}"
    assert "Nothing was received" in text_of(client.get(here))
    given = {"decision": decision, "audit_reason": "evidence_clear", "note": NOTE}
    assert client.post(here, {**given, "decision": "HALF"}).status_code == 422
    assert "Confirm the decision" in text_of(client.post(here, given))
    client.post(f"{here}/decide", given)
    found = market.deal(deal)
    assert (found.state, found.to_buyer) == (state, to_buyer)
    assert "no contested handover" in text_of(client.post(f"{here}/decide", given, follow=True)).lower()


def test_deals_show_their_timers_and_the_stuck_ones(market: Market, desk: Any) -> None:
    deal = market.handed_over(PRICE)
    client = desk("support")
    page = text_of(client.get("/desk/deals/?state=INSPECTION"))
    assert "AUTO_APPROVE" in page
    assert "3 d 0 h left" in page
    assert "No deal is stuck" in text_of(client.get("/desk/deals/?state=stuck"))
    market.pass_time_without_firing(hours=73)
    assert deal in text_of(client.get("/desk/deals/?state=stuck"))
    one = text_of(client.get(f"/desk/deals/{deal}/"))
    assert "25,500,000 ₮ goes to the seller" in one
    assert client.get("/desk/deals/deal_nothing/").status_code == 404


class FormFields(HTMLParser):
    """What the form of a page would send as it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.given: dict[str, list[str]] = {}
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name = told.get("name") or ""
        if tag == "select":
            self.select = name
        elif tag == "option" and "selected" in told:
            self.given.setdefault(self.select, []).append(told["value"] or "")
        elif tag == "textarea" or (tag == "input" and (told.get("type") != "checkbox" or "checked" in told)):
            self.given.setdefault(name, []).append(told.get("value") or "")


def fields_of(client: Client, **changes: Any) -> dict[str, Any]:
    """What the form of a new version sends."""
    page = client.get(f"/desk/terms/{MN}/new").content.decode()
    given = FormFields(page.partition("<main")[2]).given
    assert given["holdbackRatio"] == ["0.15"]
    assert len(given["outcomes_COSMETIC_DAMAGE"]) == 6
    return {**given, "note": "Tuning", **changes}


def test_terms_are_copied_changed_and_published(market: Market, desk: Any) -> None:
    old = market.deal(market.accepted(PRICE))
    client = desk("admin")
    matrix = text_of(client.get("/desk/terms/"))
    assert "holdback 0.15" in matrix
    assert MN in matrix
    assert "JPY" in matrix
    made = client.post(f"/desk/terms/{MN}/new", fields_of(client, disputeTtlHours="72"), follow=True)
    page = text_of(made)
    assert "disputeTtlHours" in page
    assert "<ins>72</ins>" in page
    with ops_scope("test"):
        assert in_force(MN).version == 1
    assert "disputeTtlHours" in text_of(client.get(f"/desk/terms/{MN}/diff?a=1&b=2"))
    client.post(f"/desk/terms/{MN}/2/publish")
    with ops_scope("test"):
        assert (in_force(MN).version, in_force(MN).body["disputeTtlHours"]) == (2, 72)
    assert market.deal(old.public_id).terms_version == 1
    assert market.deal(market.accepted(PRICE)).terms_version == 2
    client.post(f"/desk/terms/{MN}/retire")
    with pytest.raises(Exception, match="no published version"):
        market.draft(PRICE)


def test_terms_that_could_not_be_kept_are_refused_beside_their_field(market: Market, desk: Any) -> None:
    client = desk("admin")
    for changes, field in (
        ({"cap_COSMETIC_DAMAGE": "0.20"}, "cap_COSMETIC_DAMAGE"),
        ({"holdbackRatio": "0.12345"}, "holdbackRatio"),
        ({"outcomes_COSMETIC_DAMAGE": ["OFFSET_FULL_CAP"]}, "outcomes_COSMETIC_DAMAGE"),
        ({"inspectionTtlDays": "400"}, "inspectionTtlDays"),
        ({"new_code": "ODOUR"}, "new_cap"),
        ({"new_cap": "0.01"}, "new_code"),
        ({"new_code": "ODOUR", "new_cap": "0.90"}, "new_cap"),
        ({"new_code": "bad odour", "new_cap": "0.01"}, "new_code"),
        ({"new_code": "COSMETIC_DAMAGE", "new_cap": "0.01"}, "new_code"),
    ):
        answer = client.post(f"/desk/terms/{MN}/new", fields_of(client, **changes))
        assert answer.status_code == 422, field
        assert f'id="id_{field}_error"' in text_of(answer), field
        assert "Tuning</textarea>" in text_of(answer)
    assert desk("support").get(f"/desk/terms/{MN}/new").status_code == 403


def test_a_dispute_that_is_not_there(market: Market, desk: Any) -> None:
    assert desk("admin").get("/admin/disputes/dis_nothing").status_code == 404
    with market.scope():
        assert not Dispute.objects.exists()
