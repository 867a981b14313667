"""What is not needed any more is removed: a customer's images after INPUT_KEPT_DAYS, and objects that no row names."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.files.commands import delete_expired, delete_orphans, put_object, store_file
from pilothouse.kernel.files.content import IMAGES
from pilothouse.kernel.files.models import File
from pilothouse.kernel.files.tasks import periodic
from pilothouse.kernel.ledger.commands import grant
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.errors import ImageRefused
from pilothouse.programs.video.intake import items
from pilothouse.programs.video.uploads import record_inputs
from pilothouse.site.seed import seed

pytestmark = pytest.mark.house
TWO_DAYS_S = 2 * 24 * 3600


def picture(color: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA", tmp_path)
    return tmp_path / "files"


def aged(folder: Path, key: str, age_s: float) -> Path:
    path = folder / key
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def days_later(house: Any, days: int) -> None:
    with house.connect() as db:
        db.execute("UPDATE file SET expires_at = expires_at - make_interval(days => %s)", [days])


def test_an_image_goes_when_no_batch_has_named_it_for_the_days_of_the_setting(
    house: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "INPUT_KEPT_DAYS", 3)
    seed()
    tenant = house.tenant()
    with worker_scope("cli"):
        grant(tenant.id, 1000, "adjustment", "Credits")
    with tenant_scope(tenant.id):
        unused, used = (put_object(tenant.id, picture(color), IMAGES, clean=True) for color in ("red", "blue"))
        record_inputs([unused, used])
    days_later(house, 2)
    wanted = [{"params": {"prompt": f"mug {n}", "image": used.public_id}} for n in range(10)]
    with tenant_scope(tenant.id):
        create_batch("kept", items(wanted))
    days_later(house, 2)
    assert delete_expired() == 1
    with tenant_scope(tenant.id):
        gone, kept = File.objects.get(public_id=unused.public_id), File.objects.get(public_id=used.public_id)
        assert (gone.state, gone.deleted_at is not None, gone.sha256) == ("deleted", True, unused.sha256)
        assert kept.state == "stored"
        # A replay needs no bytes; another batch does.
        assert create_batch("kept", items(wanted)).replayed
        with pytest.raises(ImageRefused):
            create_batch("new", items([{"params": {"prompt": "x", "image": unused.public_id}}] * 10))
    assert (folder / used.storage_key).exists()
    assert not (folder / unused.storage_key).exists()
    days_later(house, 3)
    assert delete_expired() == 1


def test_objects_without_a_row_are_deleted_when_they_are_a_day_old(house: Any, folder: Path) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        kept = store_file(picture("red"), IMAGES, purpose="input")
    old, young = (put_object(tenant.id, picture(color), IMAGES) for color in ("blue", "green"))
    part = folder / str(tenant.id) / ".part-abc"
    part.write_bytes(b"half")
    paths = [aged(folder, key, TWO_DAYS_S) for key in (kept.storage_key, old.storage_key, f"{tenant.id}/.part-abc")]
    assert delete_orphans() == 2
    assert [path.exists() for path in paths] == [True, False, False]
    assert (folder / young.storage_key).exists()
    assert delete_orphans() == 0
    assert {"file_retention", "file_orphans"} == {task.name for task in periodic()}


def test_a_database_that_does_not_know_the_storage_deletes_nothing(house: Any, folder: Path) -> None:
    with worker_scope():
        assert not File.objects.exists()
    (folder / "1").mkdir(parents=True)
    for number in range(20):
        (folder / "1" / f"file_{number}.png").write_bytes(b"x")
        aged(folder, f"1/file_{number}.png", TWO_DAYS_S)
    assert delete_orphans() == 0
    assert len(list((folder / "1").iterdir())) == 20
