"""What shapes the database is looked at whole, so that no start takes an old shape for the present one."""

from pathlib import Path

import pytest
from django.apps import apps

from pilothouse.kernel.base.declare import house_models
from pilothouse.site import migrate

pytestmark = pytest.mark.unit


def test_every_room_with_tables_shapes_the_database() -> None:
    shaping = {path.parent for path in migrate._shaping_files() if path.parent.name == "migrations"}
    wanted = {Path(apps.get_app_config(model._meta.app_label).path) / "migrations" for model in house_models()}
    assert wanted <= shaping
