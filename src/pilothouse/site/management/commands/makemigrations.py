"""`makemigrations`, with the indexes and constraints of a new table written inside its CreateModel.

Django writes one operation for each where the tables of an app point to one another, and renders every model anew
before each operation: with them the first start of a house took three times the work.
"""

from collections.abc import Sequence
from typing import Any

from django.core.management.commands import makemigrations
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation


def folded(operations: Sequence[Operation]) -> list[Operation]:
    """The operations with each index and constraint inside the CreateModel of its table.

    Those of a table that gets a field later stay where they are: they may name that field.
    """
    later = {operation.model_name_lower for operation in operations if isinstance(operation, AddField)}
    made: dict[str, CreateModel] = {}
    kept: list[Operation] = []
    for operation in operations:
        if isinstance(operation, CreateModel):
            made[operation.name_lower] = operation
        elif isinstance(operation, AddIndex | AddConstraint):
            table = made.get(operation.model_name_lower)
            if table and operation.model_name_lower not in later:
                inside = operation.index if isinstance(operation, AddIndex) else operation.constraint
                table.options.setdefault(operation.option_name, []).append(inside)
                continue
        kept.append(operation)
    return kept


class Command(makemigrations.Command):
    """Django's own, whose answer is folded before it is written."""

    def write_migration_files(self, changes: dict[str, list[Migration]], *arguments: Any, **options: Any) -> None:
        """Write the migrations of each app."""
        for migration in (each for migrations in changes.values() for each in migrations):
            migration.operations = folded(migration.operations)  # type: ignore[misc]
        super().write_migration_files(changes, *arguments, **options)
