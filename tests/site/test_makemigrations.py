"""The first migration of a room makes each table whole, in one operation."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel

from pilothouse.site.management.commands.makemigrations import folded

pytestmark = pytest.mark.unit


def table(name: str) -> CreateModel:
    return CreateModel(name, [("id", models.BigAutoField(primary_key=True)), ("size", models.IntegerField())])


def index() -> AddIndex:
    return AddIndex("parcel", models.Index(fields=["size"], name="parcel_by_size"))


def constraint() -> AddConstraint:
    return AddConstraint("parcel", models.CheckConstraint(condition=models.Q(size__gt=0), name="parcel_size"))


def test_indexes_and_constraints_stand_in_their_table_whatever_stands_between() -> None:
    made = folded([table("Parcel"), table("Label"), index(), constraint()])
    assert [type(each) for each in made] == [CreateModel, CreateModel]
    assert [each.name for each in made[0].options["indexes"]] == ["parcel_by_size"]
    assert [each.name for each in made[0].options["constraints"]] == ["parcel_size"]
    assert made[1].options == {}


def test_what_may_name_a_later_field_or_another_migrations_table_stays() -> None:
    later = [table("Parcel"), AddField("parcel", "weight", models.IntegerField(null=True)), index(), constraint()]
    assert folded(later) == later
    elsewhere = [index(), constraint()]
    assert folded(elsewhere) == elsewhere


def test_every_first_migration_of_ours_is_written_so() -> None:
    ours = [each for each in apps.get_app_configs() if each.name.startswith("pilothouse.")]
    first = [f"{each.name}.migrations.0001_initial" for each in ours if each.models_module]
    assert len(first) > 10
    for name in first:
        operations = import_module(name).Migration.operations
        assert folded(operations) == operations, f"{name}: delete it and run `python -m django makemigrations` again"
