"""Files in a real database and folder: store, link, ranges, expiry, other tenants."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from forging import forged
from PIL import Image

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.files import limits
from pilothouse.kernel.files.commands import (
    complete_upload,
    create_upload,
    delete_expired,
    delete_files,
    put_object,
    record_files,
    store_file,
)
from pilothouse.kernel.files.content import IMAGES, MP4, PNG
from pilothouse.kernel.files.errors import FileTooLarge, FileTypeRefused, LinkInvalid, UploadMissing
from pilothouse.kernel.files.links import file_token, read_token, signed_path
from pilothouse.kernel.files.models import File, Upload
from pilothouse.kernel.files.pages import serve_file
from pilothouse.kernel.files.storage import LocalStore, ObjectMissing, store

VIDEO = b"\0\0\0\x18ftypisom" + bytes(range(256)) * 40


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return out.getvalue()


def get(token: str, method: str = "get", **headers: str) -> Any:
    request = getattr(RequestFactory(), method)(
        "/files/x", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return serve_file(request, token)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


@pytest.fixture
def video(house: Any) -> tuple[Any, File]:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        file = store_file(VIDEO, [MP4], purpose="output", name='C:\\x\\my "cut".mov\r\nX: y', kept_days=30)
    return tenant, file


@pytest.mark.house
def test_a_stored_file_is_served_whole_and_in_ranges(video: tuple[Any, File]) -> None:
    tenant, file = video
    token = file_token(tenant.id, file.public_id)
    whole = get(token)
    assert (whole.status_code, body(whole)) == (200, VIDEO)
    assert whole["Content-Type"] == "video/mp4"
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert whole["Content-Disposition"].startswith("inline")
    assert "\n" not in whole["Content-Disposition"]
    assert whole["Content-Length"] == str(len(VIDEO))
    for header, (start, end) in {
        "bytes=0-0": (0, 1),
        "bytes=10-99": (10, 100),
        "bytes=100-": (100, len(VIDEO)),
        "bytes=-5": (len(VIDEO) - 5, len(VIDEO)),
        "bytes=0-99999999": (0, len(VIDEO)),
        "bytes=-99999999": (0, len(VIDEO)),
    }.items():
        part = get(token, Range=header)
        assert (part.status_code, body(part)) == (206, VIDEO[start:end]), header
        assert part["Content-Range"] == f"bytes {start}-{end - 1}/{len(VIDEO)}"
        assert part["Content-Length"] == str(end - start)
    for header in ("bytes=0-1,5-6", "bytes=-", "bytes=5-2", "lines=1-2", "bytes=" + "9" * 100 + "-"):
        assert get(token, Range=header).status_code == 200, header
    for header in (f"bytes={len(VIDEO)}-", "bytes=-0"):
        refused = get(token, Range=header)
        assert (refused.status_code, refused["Content-Range"]) == (416, f"bytes */{len(VIDEO)}")
    assert get(token, If_None_Match=whole["ETag"]).status_code == 304
    assert get(token, Range="bytes=0-0", If_Range='"other"').status_code == 200
    head = get(token, "head")
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(VIDEO)), b"")
    assert get(token, "post").status_code == 405
    download = get(file_token(tenant.id, file.public_id, download=True))
    assert download["Content-Disposition"].startswith("attachment")


@pytest.mark.house
def test_the_link_works_through_the_whole_site(video: tuple[Any, File]) -> None:
    tenant, file = video
    link = signed_path(tenant.id, file.public_id)
    assert link.startswith("/files/")
    part = Client().get(link, headers={"Range": "bytes=4-11"})
    assert (part.status_code, body(part)) == (206, b"ftypisom")
    assert part["X-Content-Type-Options"] == "nosniff"
    refused = Client().get("/files/nonsense")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "link_invalid")
    seen = Client().get("/files/nonsense", headers={"Accept": "text/html,*/*;q=0.8"})
    assert seen.content.decode() == LinkInvalid.message


@pytest.mark.house
def test_links_end_and_cannot_be_forged(video: tuple[Any, File], house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, file = video
    other = house.tenant("Other")
    token = file_token(tenant.id, file.public_id)
    assert file.public_id not in token
    for bad in (token[:-2], forged(token), "", "x" * 200, "ü", "\0"):
        assert get(bad).status_code == 404
    assert get(file_token(other.id, file.public_id)).status_code == 404, "row-level security of the other tenant"
    later = clock.now() + timedelta(seconds=limits.LINK_LIFE_S)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert get(token).status_code == 404
    with pytest.raises(LinkInvalid):
        read_token(token)


@pytest.mark.house
def test_deleted_files_are_gone_for_links_and_people(video: tuple[Any, File]) -> None:
    tenant, file = video
    token = file_token(tenant.id, file.public_id)
    with tenant_scope(tenant.id):
        assert delete_files([file.public_id]) == 1
        assert delete_files([file.public_id]) == 0
    assert get(token).status_code == 404
    with pytest.raises(ObjectMissing):
        store().read(file.storage_key)


@pytest.mark.house
def test_retention_deletes_only_what_is_due_and_says_so(video: tuple[Any, File], house: Any) -> None:
    _tenant, file = video
    assert delete_expired() == 0
    with house.connect() as db:
        db.execute("UPDATE file SET expires_at = statement_timestamp() - interval '1 s'")
        assert delete_expired() == 1
        assert delete_expired() == 0
        assert db.execute("SELECT state, deleted_at IS NOT NULL FROM file").fetchall() == [("deleted", True)]
        assert db.execute("SELECT type, actor FROM event WHERE subject_kind = 'file'").fetchall() == [
            ("expire", "retention")
        ]
    with pytest.raises(ObjectMissing):
        store().read(file.storage_key)


@pytest.mark.house
def test_a_set_of_objects_is_recorded_in_one_statement_and_hidden_from_other_tenants(house: Any) -> None:
    tenants = [house.tenant(), house.tenant("Other")]
    stored = [put_object(tenant.id, VIDEO + bytes([n]), [MP4]) for n, tenant in enumerate(tenants * 3)]
    with worker_scope():
        rows = record_files(stored, purpose="output", kept_days=limits.OUTPUT_KEPT_DAYS)
    assert [row["public_id"] for row in rows] == [s.public_id for s in stored]
    with tenant_scope(tenants[0].id):
        assert File.objects.count() == 3
        assert not File.objects.filter(public_id=stored[1].public_id).exists()


@pytest.mark.house
def test_a_refused_transaction_leaves_no_object(house: Any, monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> None:
    monkeypatch.setattr(settings, "DATA", data_folder)
    tenant = house.tenant()
    folder = store().path(f"{tenant.id}")  # type: ignore[attr-defined]
    before = set(folder.glob("*"))
    with pytest.raises(Exception, match="null value"), tenant_scope(tenant.id):
        store_file(png(), IMAGES, purpose=None)  # type: ignore[arg-type]
    assert set(folder.glob("*")) == before


@pytest.mark.house
def test_an_upload_becomes_a_file_once_and_by_its_content(house: Any) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        with pytest.raises(FileTypeRefused):
            create_upload(content_type="text/html", size_bytes=10, purpose="input", accepted=IMAGES)
        with pytest.raises(FileTooLarge):
            create_upload(
                content_type="image/png", size_bytes=limits.IMAGE_MAX_BYTES + 1, purpose="input", accepted=IMAGES
            )
        made = create_upload(content_type="image/png", size_bytes=100, purpose="input", accepted=IMAGES)
        assert made.direct is None, "the local folder takes bytes through our own API"
        with pytest.raises(UploadMissing):
            complete_upload(made.public_id, IMAGES)
        with pytest.raises(FileTypeRefused):
            complete_upload(made.public_id, IMAGES, source=[b"<html>" * 20])
        file = complete_upload(made.public_id, IMAGES, source=io.BytesIO(png()))
        assert complete_upload(made.public_id, IMAGES, source=io.BytesIO(b"other")).id == file.id
        assert (file.kind, file.content_type) == ("image", PNG.content_type)
        assert Upload.objects.get().state == "completed"
    with tenant_scope(house.tenant("Other").id), pytest.raises(NotFound):
        complete_upload(made.public_id, IMAGES, source=io.BytesIO(png()))


def test_local_store_refuses_to_leave_its_folder(tmp_path: Any) -> None:
    local = LocalStore(tmp_path / "files")
    for key in ("../x", "/etc/passwd", "a/../../x"):
        with pytest.raises(ValueError, match="leaves"):
            local.put(key, [b"x"], "text/plain")


def test_local_store_writes_whole_or_not_at_all(tmp_path: Any) -> None:
    local = LocalStore(tmp_path)

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        local.put("a/b.png", broken(), "image/png")
    assert list((tmp_path / "a").iterdir()) == []
