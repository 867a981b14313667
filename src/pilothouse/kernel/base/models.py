"""What every table declares, and the tenant row.

A model says three things that `declare.py` turns into row-level security and grants: to whom its rows belong
(`table_class`), which columns may change after insert (`mutable`), and whether rows may be deleted. Append-only is
the default.
"""

from typing import Any, ClassVar, Literal, Self, TypeVar

from django.db import models

from .ids import new_id
from .scope import ScopeMissing, scope_or_none

M = TypeVar("M", bound=models.Model)
TableClass = Literal["tenant", "platform", "system"]


class ScopedManager(models.Manager[M]):
    """Refuses any query on a tenant's or the platform's table while no scope is open."""

    def get_queryset(self) -> models.QuerySet[M]:
        if scope_or_none() is None:
            raise ScopeMissing(f"{self.model.__name__} was queried outside a scope")
        return super().get_queryset()


class TenantForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """A reference between two tenant tables.

    Row-level security guards a row's own tenant, not what it points to, so the database checks the pair
    (tenant, id): `declare.py` adds the composite key instead of Django's plain one.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs.setdefault("related_name", "+")
        super().__init__(to, on_delete, **kwargs)


class HouseModel(models.Model):
    """Base of every table of the house."""

    table_class: ClassVar[TableClass]
    # Columns that may be UPDATEd by the application's roles; none means append-only.
    mutable: ClassVar[tuple[str, ...]] = ()
    # Columns that may be given at INSERT; None means all.
    insertable: ClassVar[tuple[str, ...] | None] = None
    deletable: ClassVar[bool] = False
    # Roles besides the owner that may write: the web's two scopes and the worker.
    writers: ClassVar[tuple[str, ...]] = ("ph_app", "ph_worker")
    # Grants that do not follow from the above; each says why where it is declared.
    grants: ClassVar[tuple[str, ...]] = ()
    # A platform table that tenants may read.
    read_by_tenants: ClassVar[bool] = False

    id = models.BigAutoField(primary_key=True)

    objects: ClassVar[models.Manager[Self]] = ScopedManager()

    class Meta:
        abstract = True


class Tenant(HouseModel):
    """The organisation whose data, money and pilots are isolated from all others."""

    table_class = "tenant"
    mutable = ("name", "timezone", "settings")
    writers = ("ph_ops", "ph_worker")

    public_id = models.TextField(unique=True)
    name = models.TextField()
    timezone = models.TextField(default="UTC")
    # Settings of this tenant: limits and switches. No key of it reaches a ledger rule.
    settings = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "tenant"
        constraints = [
            models.CheckConstraint(name="tenant_name_given", condition=~models.Q(name="")),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.public_id:
            self.public_id = new_id("ten")
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name


class TenantModel(HouseModel):
    """Base of every table whose rows belong to one tenant."""

    table_class = "tenant"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+")

    class Meta:
        abstract = True


class HotTenantModel(HouseModel):
    """Base of the tables that take thousands of rows a second.

    A foreign key on the tenant is checked row by row at the commit, and an index on the tenant alone is read by
    nobody: together half the time of a set. A statement trigger of the room checks the tenant once for the whole set.
    """

    table_class = "tenant"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True


class House(HouseModel):
    """One row about this database: what it is for, and how its transaction numbers continue.

    `tx_offset` keeps `base.tx()` rising when a dump is restored into another cluster, whose own counter starts low.
    """

    table_class = "platform"
    mutable = ("kind", "cluster", "tx_offset")
    writers = ()
    read_by_tenants = True

    kind = models.TextField(default="production")
    cluster = models.TextField(default="")
    tx_offset = models.BigIntegerField(default=0)
    schema_hash = models.TextField(default="")

    class Meta:
        db_table = "house"
        constraints = [
            models.CheckConstraint(
                name="house_kind_known", condition=models.Q(kind__in=["demo", "production", "rehearsal", "test"])
            ),
            models.CheckConstraint(name="house_is_one_row", condition=models.Q(id=1)),
        ]


class Wall(HouseModel):
    """One rule that the database enforces, as `migrate` installed it: a hash of its definition (`walls.py`)."""

    table_class = "platform"
    writers = ()

    kind = models.TextField()
    place = models.TextField()
    name = models.TextField()
    digest = models.TextField()

    class Meta:
        db_table = "wall"
        constraints = [models.UniqueConstraint(fields=["kind", "place", "name"], name="wall_once")]


class OpsAccess(HouseModel):
    """Each opening of an operator scope: who read across tenants, and for what."""

    table_class = "platform"
    writers = ("ph_ops",)

    at = models.DateTimeField()
    actor = models.TextField()
    what = models.TextField()

    class Meta:
        db_table = "ops_access"
