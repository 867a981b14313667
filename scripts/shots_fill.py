"""What happened in the full house before it is photographed, done by the commands that the pages call themselves."""

from pathlib import Path
from typing import Any

from shots_world import world_of

# Minor units: what one operator may send out alone.
SMALL_PRICE = 15_000_000


def fill(data: Path) -> None:
    """A pilot from prospect to verdict and those that are not there yet, pauses, incidents, a question, an endpoint,
    confirmations and a market's month. This process must be one of the house (`shots_world.setup`)."""
    world = world_of(data)
    tenant, people = world["tenant"], world["people"]
    _pilots(data, tenant)
    _customer(data, tenant, people)
    _incidents(tenant)
    _market(data)


def _pilots(data: Path, tenant: int) -> None:
    from pilothouse.kernel.base.clock import business_now
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import ops_scope, worker_scope
    from pilothouse.pilots.daily_models import DigestPlan
    from pilothouse.pilots.digests import follow_all, keep, make
    from pilothouse.pilots.running import create_pilot
    from pilothouse.pilots.times import TIMES, local_day
    from pilothouse.pilots.verdicts import close
    from pilothouse.site.pilot_demo import Story, run_video

    with worker_scope("shots"):
        customer = Tenant.objects.get(id=tenant)
    story = Story(customer, domain="northwind.example")
    run_video(data, lambda line: print(f"  {line}", flush=True), story)
    with ops_scope("operator:olga", "shots"):
        close(story.id, "Continue", "They go on with a second collection.")
        create_pilot(tenant, "video", customer.name)
    _three_successes("deals")
    with worker_scope("shots"):
        follow_all()
        for plan in DigestPlan.objects.select_related("tenant"):
            day = local_day(business_now(), plan.tenant.timezone)
            keep([make(plan, part, day) for part in TIMES])


def _three_successes(program: str) -> None:
    """Three accounts whose pilots ended well, so that others begin by themselves: signed verdicts would take weeks."""
    from psycopg.types.json import Jsonb

    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import ops_scope, worker_scope
    from pilothouse.pilots.running import create_pilot
    from pilothouse.pilots.verdicts import computed, findings
    from pilothouse.site.migrate import admin_connection

    pilots = []
    for name in ("Alder Bikes", "Blue Door Motors", "Steppe Trucks"):
        with worker_scope("shots"):
            account = Tenant.objects.create(name=name, timezone="Asia/Ulaanbaatar", created_at=clock.now())
        with ops_scope("operator:olga", "shots"):
            pilot = create_pilot(account.id, program, name)
            pilots.append((Jsonb(findings(*computed(pilot))), pilot.id))
    with admin_connection() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.cursor().executemany(
            "UPDATE pilot SET state = 'closed', verdict = 'succeeded', verdict_at = now(), findings = %s,"
            " verdict_by = 'operator:olga', recommendation = 'Continue' WHERE id = %s",
            pilots,
        )


def _customer(data: Path, tenant: int, people: dict[str, str]) -> None:
    from pilothouse.kernel.access.commands import create_reveal_link, ensure_person
    from pilothouse.kernel.base.scope import tenant_scope
    from pilothouse.kernel.outbox.endpoints import create_endpoint
    from pilothouse.pilots.questions import report
    from pilothouse.programs.video.confirmations import FIELDS, confirm_receipt

    with tenant_scope(tenant, f"user:{people['finance']}"):
        receipt = next(data.glob("demo/demo-*/bat_*.json"))
        confirm_receipt(receipt.read_bytes(), set(FIELDS), "shots-1", "finance")
        confirm_receipt(receipt.read_bytes(), set(FIELDS[:5]), "shots-2", "finance")
    with tenant_scope(tenant, f"user:{people['engineer']}"):
        create_endpoint("https://hooks.northwind.example/sora2", "Production")
        create_reveal_link(tenant, "For the render farm")
        person = ensure_person(people["engineer"]).pk
        report(
            person=person,
            kind="money_unclear",
            words="Why are 10 credits of the demo batch refunded?",
            page="/batches/",
        )


def _incidents(tenant: int) -> None:
    from pilothouse.kernel.base.scope import ops_scope
    from pilothouse.kernel.watch.commands import acknowledge, open_incident, post_update
    from pilothouse.kernel.watch.gates import close_gate, reopen_gate

    with ops_scope("operator:olga", "shots"):
        over = close_gate("video", "Finished videos were slow to download; no credit was lost.", tenant=tenant)
        reopen_gate(over["public_id"])
        # Of a program that this account only looks at, so that the other pages show their everyday state.
        close_gate("deals", "Payments of the bank wait for its new interface.", tenant=tenant)
        slow = open_incident(
            "slo_breach", "Deliveries to two endpoints are slow", severity="P2", program="video", tenant=tenant
        )["public_id"]
        acknowledge(slow)
        post_update(slow, "One endpoint answers in 9 s. We sent to it again and told its owner.")
        open_incident("backup_stale", "The last backup is 26 hours old")


def _market(data: Path) -> None:
    """A rollback that is over, terms of which a second version waits, and two more deals: one paid and not handed over,
    one whose dispute an operator decided, so that its seller's payout stands in a file for the bank."""
    from pilothouse.kernel.access.models import Member, Operator
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
    from pilothouse.kernel.payments import bank_files, outgoing
    from pilothouse.pilots import rollback
    from pilothouse.programs.deals import commands, disputes
    from pilothouse.programs.deals.demo_world import DRAFTED, MARKET_NAME, UNPAID, _DemoMarket
    from pilothouse.programs.deals.publishing import changed, draft_version, terms_in_force

    ada = world_of(data)["people"]["admin"]
    with worker_scope("shots"):
        market = Tenant.objects.get(name=MARKET_NAME)
        ids = {row.role: row.user_id for row in Member.objects.filter(tenant_id=market.id)}
        judge = Operator.objects.get(user__username=ada).user_id
    demo = _DemoMarket(market.id, ids)
    _paid(demo, DRAFTED, "KHAN-511")
    decided = _paid(demo, UNPAID, "KHAN-512")
    with demo.scope("seller"):
        for kind in ("PHOTO", "DOCUMENT"):
            demo._add(decided, "seller", kind, "handover", UNPAID)
        commands.file_handover(decided, ids["seller"])
    with demo.scope("buyer"):
        commands.confirm_handover(decided, ids["buyer"])
        shown = [("DOCUMENT", demo._file(decided, "buyer", "DOCUMENT", UNPAID))]
        claim = disputes.Claim("MISSING_DOCUMENTS", 500_000, "The inspection report is not there.", shown)
        disputes.raise_issue(decided, ids["buyer"], [claim])
    with tenant_scope(market.id, f"operator:{ada}"):
        note = "The report is named in the offer and was not handed over; the seller did not contest it."
        disputes.resolve(
            decided, admin=judge, outcomes=["OFFSET_AS_CLAIMED"], audit_reason="terms_rule", note=note, decided_by=ada
        )
    with worker_scope("payouts"):
        outgoing.open_payouts()
    with ops_scope(f"operator:{ada}", "shots"):
        bank_files.bank_file()
    with tenant_scope(market.id, "operator:olga"):
        found = rollback.stop("deals", market, "A bank of ours is closed; nothing that is open is touched.")
        rollback.export(found.public_id)
        rollback.tell(found.public_id)
        rollback.resume(found.public_id)
    with ops_scope("operator:olga", "shots"):
        terms = terms_in_force()[0]
        draft_version(changed(terms.body, terms.version + 1, [("disputeTtlHours", 96)]), "Longer disputes")


def _paid(demo: Any, car: int, reference: str) -> str:
    """A small deal of this car, paid into escrow; its id."""
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.payments import incoming
    from pilothouse.programs.deals import commands
    from pilothouse.programs.deals.demo_market import MN
    from pilothouse.programs.deals.demo_world import CARS

    with demo.scope("seller"):
        title, facts = f"Parts of {CARS[car].title}", CARS[car].facts
        deal = commands.create_deal(
            person=demo.ids["seller"], side="seller", template=MN, price=SMALL_PRICE, title=title, item=facts
        ).public_id
        for side in range(4):
            demo._add(deal, "seller", "PHOTO", "item", car, side)
    demo._accepted(deal)
    with worker_scope("operator:demo"):
        paid = incoming.record_payment(
            demo.tenant, source="bank", reference=reference, amount=SMALL_PRICE, unit="MNT", note=deal
        )
        incoming.match([paid.public_id], "deal", deal)
    return str(deal)
