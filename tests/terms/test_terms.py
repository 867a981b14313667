"""Versions of terms: numbered, hashed, immutable, one in force, and pinned for ever."""

import psycopg
import pytest

from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.terms import commands
from pilothouse.kernel.terms.errors import NoTerms, TermsInvalid
from pilothouse.kernel.terms.queries import by_hash, published
from pilothouse.programs.video.prices import KIND, NAME

pytestmark = pytest.mark.house


def price(cost: int) -> dict[str, int]:
    return {"cost_per_video": cost}


def test_publishing_retires_the_version_before_and_pins_stay(house):
    tenant = house.tenant()
    with ops_scope("olga"):
        first = commands.publish(KIND, NAME, commands.draft(KIND, NAME, price(10)).version)
        second = commands.publish(KIND, NAME, commands.draft(KIND, NAME, price(12)).version)
    assert (first.version, second.version, second.state) == (1, 2, "published")
    with tenant_scope(tenant.id):
        assert published(KIND, NAME).body == price(12)
        assert by_hash(KIND, first.hash).body == price(10)
        assert by_hash(KIND, first.hash).state == "retired"


def test_the_same_body_is_published_once(house):
    with worker_scope():
        first = commands.publish_body(KIND, NAME, price(10))
        assert commands.publish_body(KIND, NAME, price(10)).version == first.version == 1
        assert commands.publish_body(KIND, NAME, price(11)).version == 2


@pytest.mark.parametrize("body", [{}, {"cost_per_video": 0}, {"cost_per_video": "10"}, {"cost_per_video": True}])
def test_a_body_that_its_kind_refuses_is_never_stored(house, body):
    with worker_scope(), pytest.raises(TermsInvalid):
        commands.draft(KIND, NAME, body)
    with worker_scope(), pytest.raises(NoTerms):
        published(KIND, NAME)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE terms SET body = '{\"cost_per_video\": 1}'",
        "UPDATE terms SET hash = 'x'",
        "UPDATE terms SET version = 9",
        "DELETE FROM terms",
        "TRUNCATE terms",
        "UPDATE terms SET state = 'draft'",
    ],
)
@pytest.mark.tamper
def test_a_published_version_cannot_change_even_for_the_owner(house, statement):
    with worker_scope():
        commands.publish_body(KIND, NAME, price(10))
    with house.admin() as admin, pytest.raises(psycopg.Error) as refused:
        admin.execute(statement)
    assert refused.value.sqlstate in ("PH001", "PH002")


def test_a_tenant_reads_terms_and_writes_none(house):
    tenant = house.tenant()
    with worker_scope():
        commands.publish_body(KIND, NAME, price(10))
    with pytest.raises(Exception, match="permission denied"), tenant_scope(tenant.id):
        commands.draft(KIND, NAME, price(1))
