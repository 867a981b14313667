"""Our `migrate` renders each new table alone, and what it knows of the tables is what Django knows of them."""

from collections import Counter
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState, StateApps

from pilothouse.site.management.commands.migrate import _State

pytestmark = pytest.mark.unit


def known(apps: StateApps) -> dict[str, Any]:
    """Of each model its fields, and by which of other models it is referred to."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        fields = [(field.name, field.deconstruct()[1:]) for field in model._meta.local_fields]
        tied = {(each.related_model._meta.label, each.field.name) for each in model._meta.related_objects}
        found[model._meta.label] = (repr(fields), tied)
    return found


def test_a_new_table_is_rendered_alone_and_tied_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = MigrationLoader(None)
    plan = [loader.graph.nodes[key] for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf)]
    drawn: Counter[str] = Counter()
    render = ModelState.render

    def counted(state: ModelState, apps: StateApps) -> Any:
        drawn[f"{state.app_label}.{state.name_lower}"] += 1
        return render(state, apps)

    state: ProjectState = _State(real_apps=loader.unmigrated_apps)
    assert state.apps is not None
    monkeypatch.setattr(ModelState, "render", counted)
    for migration in dict.fromkeys(plan):
        migration.mutate_state(state, preserve=False)
    # A few are drawn again for a column that is added to them; Django by itself draws each more than thirty times.
    assert drawn.total() < 8 * len(state.models)
    monkeypatch.undo()
    assert known(state.apps) == known(loader.project_state().apps)
    assert connections["default"].connection is None
