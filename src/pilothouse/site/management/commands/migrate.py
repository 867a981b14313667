"""`migrate`, which draws each new table alone.

When a table is added, Django renders the models of all tables that are tied to it anew, and here every table is tied to
its tenant: 3,200 models for a hundred tables, most of the work of a house's first start. A model that was not there
before changes none of the others: rendered alone it finds them in the same registry, and ties itself to them.
"""

from typing import Any

from django.core.management.commands import migrate
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState


class _State(ProjectState):
    def add_model(self, model_state: ModelState) -> None:
        key = model_state.app_label, model_state.name_lower
        if "apps" not in self.__dict__ or key in self.models:
            super().add_model(model_state)
            return
        apps = self.__dict__.pop("apps")
        super().add_model(model_state)
        self.__dict__["apps"] = apps
        apps.render_multiple([model_state])


class _Executor(MigrationExecutor):
    def migrate(
        self,
        targets: Any,
        plan: Any = None,
        state: ProjectState | None = None,
        fake: bool = False,
        fake_initial: bool = False,
    ) -> ProjectState:
        alone = None if state is None else _State(state.models, state.real_apps)
        return super().migrate(targets, plan, alone, fake, fake_initial)


# The name by which Django's command finds what executes its plan.
migrate.MigrationExecutor = _Executor  # type: ignore[attr-defined]


class Command(migrate.Command):
    """Django's own."""
