"""A market with deals of every kind of ending, for what watches a pilot."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "deals"))

from deal_world import CAR, MN, NOTE, Market
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.pilots import digests
from pilothouse.pilots.models import DigestPlan

__all__ = ["CAR", "MN", "NOTE", "Market"]
PRICE = 3_000_000_000
PASSWORD = "a long pass phrase 7"


def pilot_market(house: Any) -> Market:
    """A market in Ulaanbaatar with members for its two sides and two operators; no deal yet."""
    market = Market(house)
    with worker_scope("test"):
        Tenant.objects.filter(id=market.tenant.id).update(timezone="Asia/Ulaanbaatar")
        add_operator("ops@ours.example", "operator", "Oyuna", PASSWORD)
        add_operator("support@ours.example", "support", "Sam", PASSWORD)
    with tenant_scope(market.tenant.id, "test"):
        for side in ("buyer", "seller"):
            add_member(market.tenant.id, market.mails[side], side, side.title(), PASSWORD)
    return market


def followed(market: Market) -> DigestPlan:
    """The market's plan."""
    with worker_scope("test"):
        return digests.follow("deals", market.tenant.id)


def browser(email: str) -> Client:
    """A signed-in client."""
    client = Client()
    client.force_login(get_user_model().objects.get(email=email), backend="django.contrib.auth.backends.ModelBackend")
    return client
