"""Reads of the operators' desk over the deals of all marketplaces. Each needs an operator's scope."""

from typing import Any

from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.files.links import signed_path
from pilothouse.kernel.terms.queries import versions
from pilothouse.ui.pictures import countdown_share, countdown_stage

from . import arithmetic, queries
from .disputes import choices, preview
from .limits import STUCK_AFTER_S
from .models import ClaimLine, Deal, Dispute
from .steps import terms_of
from .terms_checks import KIND

SQL = Statements(__file__, "sql/desk")


def disputes(
    *,
    state: str = "open",
    code: str = "",
    evidence: str = "",
    search: str = "",
    sort: str = "due",
    skip: int = 0,
    count: int = DESK_PAGE_ROWS + 1,
) -> list[Row]:
    """One page of disputes, `count` rows (one more than the page shows).

    `state` is open, ended or all; `evidence` complete, incomplete or empty.
    `sort` is due (the nearest expiry first), newest or claimed. Each has `stage` (calm, soon, last): how near its
    end is, by the share of its time that is left.
    """
    rows = SQL.rows(
        "disputes", state=state, code=code, evidence=evidence, search=search, sort=sort, skip=skip,
        count=count,
    )  # fmt: skip
    return [{**row, "stage": "" if row["ended_at"] else _stage(row, row["opened_at"])} for row in rows]


def handovers(*, search: str = "", skip: int = 0, count: int = DESK_PAGE_ROWS + 1) -> list[Row]:
    """One page of contested handovers, `count` rows (one more than the page shows), the nearest review first."""
    rows = SQL.rows("handovers", search=search, skip=skip, count=count)
    return [{**row, "stage": _stage(row, row["armed_at"])} for row in rows]


def deals(*, state: str = "open", search: str = "", skip: int = 0) -> list[Row]:
    """One page of deals, newest first, and one row more; `state` is open, stuck, a state's name or empty for all."""
    return SQL.rows("deals", state=state, search=search, skip=skip, count=DESK_PAGE_ROWS + 1, late_s=STUCK_AFTER_S)


def open_counts() -> Row:
    """{disputes, handovers, soon}: what waits for a decision, and how much of it ends within twelve hours."""
    row = SQL.one("open_counts")
    assert row is not None
    return row


def terms_with_deals(name: str = "") -> list[Row]:
    """Versions of terms, newest first, each with how many `deals` were made with it and how many are `open`."""
    counted = {(row["name"], row["version"]): row for row in SQL.rows("deals_by_terms")}
    nothing = {"deals": 0, "open": 0}
    return [
        {**row, **{key: counted.get((row["name"], row["version"]), nothing)[key] for key in nothing}}
        for row in versions(KIND, name)
    ]


def deal(public_id: str) -> tuple[Deal, Row]:
    """A deal with {tenant_name, tenant_id, timezone, now} and both people's names and addresses; NotFound."""
    found = Deal.objects.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="deal")
    facts = SQL.one("facts", deal=found.id)
    assert facts is not None
    return found, facts


def dispute(public_id: str) -> tuple[Dispute, Deal, Row]:
    """A dispute with its deal and that deal's facts; NotFound."""
    found = Dispute.objects.select_related("deal").filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="dispute")
    held, facts = deal(found.deal.public_id)
    return found, held, facts


def evidence(held: Deal) -> list[Row]:
    """The evidence of a deal with links that an operator's browser may open for a while."""
    return [
        {
            **row,
            "url": signed_path(held.tenant_id, row["file"]),
            "thumbnail_url": signed_path(held.tenant_id, row["thumbnail"]) if row["thumbnail"] else "",
        }
        for row in queries.evidence_of(held)
    ]


def lines(found: Dispute, held: Deal) -> list[dict[str, Any]]:
    """The lines of a claim side by side: what each side says and shows, the cap, and the menu with its two amounts.

    The amounts of an outcome are those of the whole deal when the other lines give nothing, so for one line they are
    what is paid.
    """
    terms = terms_of(held)
    filed = evidence(held)
    menus = choices(held, found)
    rows = list(ClaimLine.objects.filter(dispute=found).order_by("position"))
    shown = []
    for index, (line, menu) in enumerate(zip(rows, menus, strict=True)):
        of_line = [row for row in filed if row["line"] == line.position]
        buyers = [row for row in of_line if row["side"] == "buyer"]
        shown.append(
            {
                "line": line,
                "cap": arithmetic.cap(held.price, terms.caps_bps[line.code], terms.currency.quantum),
                "required": terms.evidence(line.code),
                "missing": [kind for kind in terms.evidence(line.code) if kind not in {row["type"] for row in buyers}],
                "buyer": buyers,
                "seller": [row for row in of_line if row["side"] == "seller"],
                "menu": [_choice(found, held, index, len(rows), outcome) for outcome, _ in menu],
            }
        )
    return shown


def _choice(found: Dispute, held: Deal, index: int, count: int, outcome: str) -> dict[str, Any]:
    outcomes = [arithmetic.RELEASE_TO_SELLER] * count
    outcomes[index] = outcome
    parted = preview(held, found, outcomes)
    return {"outcome": outcome, "to_buyer": parted.to_buyer, "to_seller": parted.to_seller}


def _stage(row: Row, since: Any) -> str:
    return countdown_stage(countdown_share(since, row["due_at"], row["now"]))
