"""Scopes: one tenant at a time, none inside another, and a trace of each look across tenants."""

import pytest

from pilothouse.kernel.base.models import OpsAccess, Tenant
from pilothouse.kernel.base.scope import ScopeMissing, ops_scope, tenant_scope, worker_scope

pytestmark = pytest.mark.house


def test_a_tenant_sees_itself_only_and_an_operator_all(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with tenant_scope(one.id):
        assert [row.name for row in Tenant.objects.all()] == ["One"]
    with ops_scope("operator@pilothouse.example", "looking"):
        assert Tenant.objects.filter(id__in=[one.id, two.id]).count() == 2


def test_each_opening_of_an_operator_scope_is_a_row(house):
    with ops_scope("olga@pilothouse.example", "tenants page"), ops_scope("olga@pilothouse.example"):
        assert [(row.actor, row.what) for row in OpsAccess.objects.all()] == [
            ("olga@pilothouse.example", "tenants page")
        ]


@pytest.mark.parametrize("inner", ["other tenant", "ops", "worker"])
def test_a_scope_is_not_opened_inside_another(house, inner):
    one, two = house.tenant("One"), house.tenant("Two")
    scopes = {"other tenant": lambda: tenant_scope(two.id), "ops": lambda: ops_scope("x"), "worker": worker_scope}
    with tenant_scope(one.id), pytest.raises(ScopeMissing), scopes[inner]():
        pass


def test_the_scope_ends_with_its_transaction(house):
    one = house.tenant("One")
    with tenant_scope(one.id):
        pass
    with pytest.raises(ScopeMissing):
        Tenant.objects.count()
