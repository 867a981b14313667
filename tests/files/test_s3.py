"""The S3 storage through boto3, against a small server that speaks the few requests which we make."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest

from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.files.commands import complete_upload, create_upload, delete_files, store_file
from pilothouse.kernel.files.content import IMAGES, MP4
from pilothouse.kernel.files.errors import UploadMissing
from pilothouse.kernel.files.storage import LocalStore, ObjectMissing, S3Store, store

VIDEO = b"\0\0\0\x18ftypisom" + bytes(range(256)) * 40


class Bucket(ThreadingHTTPServer):
    """Objects by path; every request must carry an AWS signature for the expected key."""

    objects: dict[str, tuple[bytes, str]]
    seen: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Bucket

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _key(self) -> str:
        parts = urlsplit(self.path)
        signed = self.headers.get("Authorization", "") + "".join(parse_qs(parts.query).get("X-Amz-Credential", []))
        assert "KEY" in signed, "not signed"
        self.server.seen.append(f"{self.command} {parts.path}")
        return parts.path

    def do_PUT(self) -> None:
        assert "chunked" not in self.headers.get("Content-Encoding", "")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.objects[self._key()] = (body, self.headers.get("Content-Type", ""))
        self._answer(200, ETag='"x"')

    def do_GET(self) -> None:
        found = self.server.objects.get(self._key())
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        body = found[0]
        wanted = self.headers.get("Range")
        if wanted:
            first, last = wanted.removeprefix("bytes=").split("-")
            body = body[int(first) : int(last) + 1 if last else None]
        self._answer(206 if wanted else 200, body, Content_Type=found[1])

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    from django.conf import settings

    server = Bucket(("127.0.0.1", 0), Handler)
    server.objects, server.seen = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"s3://KEY:S%2FECRET@127.0.0.1:{server.server_port}/media/house?region=eu-west-1&tls=0"
    monkeypatch.setattr(settings, "STORAGE_URL", url)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.http
def test_objects_are_written_read_in_ranges_and_deleted(bucket: Bucket) -> None:
    kept = store()
    kept.put("1/a.mp4", [VIDEO[:100], VIDEO[100:]], "video/mp4")
    assert bucket.objects == {"/media/house/1/a.mp4": (VIDEO, "video/mp4")}
    assert b"".join(kept.read("1/a.mp4")) == VIDEO
    assert b"".join(kept.read("1/a.mp4", 10, 20)) == VIDEO[10:20]
    assert b"".join(kept.read("1/a.mp4", 100)) == VIDEO[100:]
    kept.delete(["1/a.mp4", "1/never.mp4"])
    with pytest.raises(ObjectMissing):
        kept.read("1/a.mp4")


@pytest.mark.house
@pytest.mark.http
def test_files_and_presigned_uploads(bucket: Bucket, house: Any) -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        file = store_file(VIDEO, [MP4], purpose="output")
        assert delete_files([file.public_id]) == 1
        made = create_upload(content_type="image/png", size_bytes=len(out.getvalue()), purpose="input", accepted=IMAGES)
        with pytest.raises(UploadMissing):
            complete_upload(made.public_id, IMAGES)
        assert made.direct is not None
        request = Request(made.direct.url, out.getvalue(), made.direct.headers, method=made.direct.method)
        with urlopen(request) as answered:
            assert answered.status == 200
        done = complete_upload(made.public_id, IMAGES)
        assert done.content_type == "image/png"
    assert list(bucket.objects) == [f"/media/house/{done.storage_key}"], "the upload itself is gone"


@pytest.mark.parametrize("url", ["s3://host", "https://host/bucket", "s3:///bucket", "x"])
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="STORAGE_URL must look like"):
        S3Store(url)


def test_the_folder_is_the_default() -> None:
    assert isinstance(store(), LocalStore)
