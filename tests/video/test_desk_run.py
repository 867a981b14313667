"""What the parity proof sends when it repeats a batch: the same params, and the same bytes of each image."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.files.commands import delete_files, put_object
from pilothouse.kernel.files.content import IMAGES
from pilothouse.kernel.files.models import File
from pilothouse.kernel.ledger.commands import grant
from pilothouse.programs.video import desk_reads, desk_run, intake
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.new_batch import Typed
from pilothouse.programs.video.uploads import record_inputs
from pilothouse.site.seed import seed

pytestmark = pytest.mark.house


def test_a_batch_with_images_is_repeated_with_the_same_fingerprints(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.http import QueryDict

    monkeypatch.setattr(settings, "DATA", tmp_path)
    seed()
    theirs, ours = house.tenant("Customer"), house.tenant("Ours")
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(out, "JPEG")
    with worker_scope("cli"):
        for tenant in (theirs, ours):
            grant(tenant.id, 1_000, "adjustment", "Credits")
    with tenant_scope(theirs.id):
        image = put_object(theirs.id, out.getvalue(), IMAGES, clean=True)
        record_inputs([image])
        wanted = [{"params": {"prompt": f"mug {n}", "image": image.public_id if n else None}} for n in range(10)]
        first = create_batch("first", intake.items(wanted)).batch_id
    operator: Any = SimpleNamespace(actor="operator:test")
    with ops_scope("operator:test"):
        items = desk_run._items({"prompts": [], "batch": first})
        others = desk_run._images_of_others(items, ours)
    desk_run._copy_images(items, others, ours, operator)
    typed = Typed.of(QueryDict(desk_run._as_form("again", "live", items)))
    with tenant_scope(ours.id):
        again = create_batch("again", intake.items(typed.body()), entry="page").batch_id
        (copy,) = File.objects.all()
    assert (copy.tenant_id, copy.sha256) == (ours.id, image.sha256)
    with ops_scope("operator:test"):
        sides = [desk_reads.parity_side(batch) for batch in (first, again)]
    assert sides[0].batch["fingerprint"] == sides[1].batch["fingerprint"]
    assert [item["image_sha256"] for item in sides[1].items] == [None, *[image.sha256] * 9]
    with tenant_scope(theirs.id):
        delete_files([image.public_id])
    with ops_scope("operator:test"), pytest.raises(InvalidInput, match="removed since"):
        desk_run._images_of_others(desk_run._items({"prompts": [], "batch": first}), ours)
