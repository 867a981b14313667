"""Random histories through the public commands, against a model that predicts every outcome."""

from typing import Any

import pytest
from django.db import Error as DatabaseError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_world import COST, World, balances

from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, invariants, queries, sealing
from pilothouse.kernel.ledger.errors import (
    AlreadyEnded,
    AlreadyReversed,
    InsufficientCredits,
    KeyConflict,
    NotReversible,
)
from pilothouse.kernel.ledger.grants import grant_by_shell

pytestmark = [pytest.mark.house, pytest.mark.timeout(600)]
AMOUNTS = st.integers(1, 60)


class LedgerMachine(RuleBasedStateMachine):
    """One tenant's money, and a second tenant whose money nobody may reach."""

    house: Any = None

    @initialize()
    def begin(self):
        self.world = World.open(self.house.tenant().id)
        self.other = World.open(self.house.tenant("Other").id, 50)
        self.wallet = self.held = self.earned = 0
        self.open: list[int] = []
        self.ended: list[int] = []
        self.grants: dict[int, tuple[str, int]] = {}
        self.work: list[int] = []
        self.reversed: set[int] = set()
        self.moves: list[tuple[str, list[int], str, int]] = []
        self.journals = 0
        # Item ids are the house's; another example must not meet ours.
        self.item = self.world.tenant * 10_000

    def tenant(self):
        return tenant_scope(self.world.tenant, "machine")

    @rule(amount=AMOUNTS)
    def grant(self, amount):
        name = f"grant {len(self.grants)}"
        # In a person's name: many histories share a house, and what nobody asked for is bounded over all of them.
        with ops_scope("machine"):
            posted = grant_by_shell(self.world.tenant, amount, "purchase", name)
        assert not posted.replayed
        self.grants[posted.journal] = (name, amount)
        self.wallet += amount
        self.journals += 1

    @precondition(lambda self: self.grants)
    @rule(data=st.data(), same=st.booleans())
    def grant_again(self, data, same):
        journal = data.draw(st.sampled_from(sorted(self.grants)))
        name, amount = self.grants[journal]
        with worker_scope("machine"):
            if same:
                assert commands.grant(self.world.tenant, amount, "purchase", name) == commands.Posted(journal, True)
            else:
                with pytest.raises(KeyConflict):
                    commands.grant(self.world.tenant, amount + 1, "purchase", name)

    @rule(count=st.integers(1, 6))
    def hold(self, count):
        items = list(range(self.item, self.item + count))
        self.item += count
        key = f"hold {items[0]}"
        with self.tenant():
            if count * COST > self.wallet:
                with pytest.raises(InsufficientCredits) as refused:
                    self.world.move("reserve", items, key)
                assert refused.value.details == {"needed": count * COST, "available": self.wallet}
                return
            posted = self.world.move("reserve", items, key)
        self.moves.append(("reserve", items, key, posted.journal))
        self.work.append(posted.journal)
        self.open += items
        self.wallet -= count * COST
        self.held += count * COST
        self.journals += 1

    @precondition(lambda self: self.open)
    @rule(data=st.data(), kind=st.sampled_from(["settle", "refund"]))
    def end(self, data, kind):
        items = data.draw(st.lists(st.sampled_from(self.open), min_size=1, unique=True))
        key = f"{kind} {self.journals}"
        with self.tenant():
            posted = self.world.move(kind, items, key)
        self.moves.append((kind, items, key, posted.journal))
        self.work.append(posted.journal)
        self.open = [item for item in self.open if item not in items]
        self.ended += items
        self.held -= len(items) * COST
        if kind == "settle":
            self.earned += len(items) * COST
        else:
            self.wallet += len(items) * COST
        self.journals += 1

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), kind=st.sampled_from(["settle", "refund"]))
    def end_twice(self, data, kind):
        """Also hidden among items that may still end: then none of them does."""
        again = data.draw(st.sampled_from(self.ended))
        with self.tenant(), pytest.raises((AlreadyEnded, InsufficientCredits)):
            self.world.move(kind, [*self.open, again], f"twice {again} {self.journals} {kind}")

    @precondition(lambda self: self.moves)
    @rule(data=st.data(), same=st.booleans())
    def retry(self, data, same):
        kind, items, key, journal = data.draw(st.sampled_from(self.moves))
        with self.tenant():
            if same:
                assert self.world.move(kind, items, key) == commands.Posted(journal, True)
            else:
                with pytest.raises(KeyConflict):
                    self.world.move(kind, items, key, amount=COST + 1)

    @precondition(lambda self: self.grants)
    @rule(data=st.data())
    def reverse_grant(self, data):
        journal = data.draw(st.sampled_from(sorted(self.grants)))
        amount = self.grants[journal][1]
        with worker_scope("machine"):
            if journal in self.reversed:
                assert commands.reverse(self.world.tenant, journal, "again").replayed
                with pytest.raises(AlreadyReversed):
                    commands.post(
                        self.world.tenant, f"sly {self.journals}", "reverse",
                        [commands.Leg(self.world.wallet, self.world.issued, 1)] if self.wallet else [],
                        request={}, ref_type="x", reverses=journal,
                    )  # fmt: skip
            elif amount > self.wallet:
                with pytest.raises(InsufficientCredits):
                    commands.reverse(self.world.tenant, journal, "mistake")
            else:
                commands.reverse(self.world.tenant, journal, "mistake")
                self.reversed.add(journal)
                self.wallet -= amount
                self.journals += 1

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def reverse_work(self, data):
        with worker_scope("machine"), pytest.raises(NotReversible):
            commands.reverse(self.world.tenant, data.draw(st.sampled_from(self.work)), "sly")

    @rule(mine=st.sampled_from(["wallet", "held", "earned", "issued"]), inward=st.booleans(), as_worker=st.booleans())
    def reach_across(self, mine, inward, as_worker):
        ours, theirs = getattr(self.world, mine), self.other.wallet
        leg = commands.Leg(theirs, ours, 1, 1) if inward else commands.Leg(ours, theirs, 1, 1)
        scope = worker_scope("machine") if as_worker else self.tenant()
        with pytest.raises(DatabaseError, match="account that is not there"), scope:
            commands.post(
                self.world.tenant, f"reserve:across {self.journals}", "reserve", [leg], request={}, ref_type="x"
            )
        with pytest.raises(DatabaseError, match="row-level security"), self.tenant():
            commands.post(
                self.other.tenant, f"reserve:across {self.journals}", "reserve",
                [commands.Leg(theirs, self.other.held, 1, 1)], request={}, ref_type="x",
            )  # fmt: skip

    @rule()
    def seal(self):
        sealing.seal()

    @invariant()
    def the_model_holds(self):
        if not hasattr(self, "world"):
            return
        with self.tenant():
            assert queries.balance(self.world.tenant) == queries.Balance(self.wallet, self.held)
            rows = []
            cursor = None
            while True:
                page, cursor = queries.ledger_page(self.world.tenant, cursor=cursor, count=7)
                rows += page
                if cursor is None:
                    break
        assert len(rows) == self.journals
        assert sum(row["credits_delta"] for row in rows) == self.wallet
        folded = balances(self.world.tenant)
        assert (folded["wallet"], folded["held"], folded["credits_earned"]) == (self.wallet, self.held, self.earned)
        assert sum(folded.values()) == 0
        assert balances(self.other.tenant)["wallet"] == 50
        with worker_scope("machine"):
            (shown,) = run(
                "SELECT sum(credits_delta) AS rows, (SELECT permanent_credits FROM credit_wallet w WHERE w.user_id ="
                " t.public_id) AS wallet FROM tenant t LEFT JOIN credit_ledger l ON l.user_id = t.public_id"
                " WHERE t.id = %s GROUP BY t.id",
                [self.world.tenant],
            )
            assert int(shown["rows"] or 0) == shown["wallet"] == self.wallet
            assert [row for row in invariants.run_invariants() if row["rows"]] == []


def test_random_histories_end_as_the_model_says(house, tmp_path, settings_of_heads):
    LedgerMachine.house = house
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            database=None,
            # A failing history is shrunk by replaying it; the house is shared, so each replay gets its own tenants.
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def settings_of_heads(tmp_path):
    from django.test import override_settings

    with override_settings(SEAL_HEAD_FOLDER=str(tmp_path)):
        yield
