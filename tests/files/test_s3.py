"""Files against a third party's S3 server (moto), which checks who calls and their signature as AWS does."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.files import storage
from pilothouse.kernel.files.commands import complete_upload, create_upload, delete_orphans, store_file
from pilothouse.kernel.files.content import IMAGES, MP4
from pilothouse.kernel.files.errors import StorageDown, UploadMissing
from pilothouse.kernel.files.links import signed_path
from pilothouse.kernel.files.models import File
from pilothouse.kernel.files.storage import LocalStore, ObjectMissing, S3Store, store

pytestmark = pytest.mark.http
VIDEO = b"\0\0\0\x18ftypisom" + bytes(range(256)) * 8_000
ALLOWED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'


@dataclass
class Server:
    """A running server with one bucket, `media`, and the key that may use it."""

    process: subprocess.Popen[bytes]
    port: int
    key: str
    secret: str

    def url(self, key: str = "", secret: str = "", bucket: str = "media") -> str:
        """A STORAGE_URL for it."""
        key, secret = key or self.key, secret or self.secret
        return (
            f"s3://{quote(key, safe='')}:{quote(secret, safe='')}@127.0.0.1:{self.port}/{bucket}/house"
            "?region=us-east-1&tls=0"
        )

    def reset_auth(self, unchecked: int) -> None:
        """Let so many requests pass unchecked, and check all after them."""
        told = {"Content-Type": "text/plain"}
        urlopen(Request(f"http://127.0.0.1:{self.port}/moto-api/reset-auth", str(unchecked).encode(), told)).close()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    import boto3

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port)
        known: dict[str, Any] = {
            "endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1",
            "aws_access_key_id": "first", "aws_secret_access_key": "first",
        }  # fmt: skip
        iam = boto3.client("iam", **known)
        iam.create_user(UserName="house")
        made = iam.create_access_key(UserName="house")["AccessKey"]
        iam.put_user_policy(UserName="house", PolicyName="all", PolicyDocument=ALLOWED)
        boto3.client("s3", **known).create_bucket(Bucket="media")
        server = Server(process, port, made["AccessKeyId"], made["SecretAccessKey"])
        server.reset_auth(0)
        yield server
    finally:
        process.kill()
        process.wait()


def _await(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("the S3 server did not start")


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(settings, "STORAGE_URL", running.url())
    yield running
    running.reset_auth(0)
    kept = store()
    kept.delete(list(kept.older_than(-60)))


def test_objects_are_written_listed_by_age_read_in_ranges_and_deleted(server: Server) -> None:
    kept = store()
    kept.put("1/a.mp4", [VIDEO[:100], VIDEO[100:]], "video/mp4")
    kept.put("2/b/c.mp4", [b"other"], "video/mp4")
    assert b"".join(kept.read("1/a.mp4")) == VIDEO
    assert b"".join(kept.read("1/a.mp4", 10, 20)) == VIDEO[10:20]
    assert b"".join(kept.read("1/a.mp4", len(VIDEO) - 3)) == VIDEO[-3:]
    # Below zero is the future: all of them.
    assert sorted(kept.older_than(-60)) == ["1/a.mp4", "2/b/c.mp4"]
    assert list(kept.older_than(60)) == []
    kept.delete(["1/a.mp4", "1/never.mp4"])
    assert list(kept.older_than(-60)) == ["2/b/c.mp4"]
    with pytest.raises(ObjectMissing):
        kept.read("1/a.mp4")


def test_no_checksum_follows_the_bytes(server: Server) -> None:
    """R2, MinIO and Supabase refuse a chunked body with a trailing checksum."""
    kept = S3Store(server.url())
    sent: list[Any] = []
    kept._bucket.meta.client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request))
    kept.put("1/a.mp4", [VIDEO], "video/mp4")
    (request,) = sent
    assert "Content-Encoding" not in request.headers
    assert not [name for name in request.headers if name.lower().startswith(("x-amz-checksum", "x-amz-trailer"))]


@pytest.mark.parametrize("url", ["s3://host", "https://host/bucket", "s3:///bucket", "x"])
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="STORAGE_URL must look like"):
        S3Store(url)


def test_the_folder_is_the_default() -> None:
    assert isinstance(store(), LocalStore)


def test_another_house_in_the_bucket_is_not_seen(server: Server) -> None:
    other = S3Store(server.url().replace("/house?", "/house2?"))
    other.put("1/theirs.mp4", [b"x"], "video/mp4")
    assert list(store().older_than(-60)) == []
    other.delete(["1/theirs.mp4"])


def test_more_objects_than_one_listing_holds(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = S3Store(server.url())
    for n in range(7):
        kept.put(f"1/{n}", [b"x"], "video/mp4")
    client = kept._bucket.meta.client
    pages: list[Any] = []
    client.meta.events.register("before-parameter-build.s3.ListObjects", lambda params, **_: params.update(MaxKeys=3))
    client.meta.events.register("before-call.s3.ListObjects", lambda **call: pages.append(call))
    assert len(list(kept.older_than(-60))) == 7
    assert len(pages) == 3


@pytest.mark.house
def test_an_image_goes_straight_to_the_bucket_and_a_video_comes_back(server: Server, house: Any) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    picture = out.getvalue()
    tenant = house.tenant()
    # moto refuses every presigned request where it checks signatures; each other one here is checked.
    with tenant_scope(tenant.id):
        made = create_upload(content_type="image/png", size_bytes=len(picture), purpose="input", accepted=IMAGES)
        with pytest.raises(UploadMissing):
            complete_upload(made.public_id, IMAGES)
        assert made.direct is not None
        assert "X-Amz-Signature" in made.direct.url
        server.reset_auth(1)
        with urlopen(Request(made.direct.url, picture, made.direct.headers, method=made.direct.method)) as answer:
            assert answer.status == 200
        done = complete_upload(made.public_id, IMAGES)
        video = store_file(VIDEO, [MP4], purpose="output")
    assert sorted(store().older_than(-60)) == sorted([done.storage_key, video.storage_key]), "the upload itself is gone"
    link = signed_path(tenant.id, video.public_id)
    answer = Client().get(link)
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, VIDEO)
    part = Client().get(link, headers={"Range": "bytes=5-14"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, VIDEO[5:15])
    store().delete([video.storage_key])
    assert Client().get(link).status_code == 404


def test_a_presigned_request_writes_what_was_announced_and_nothing_else(server: Server) -> None:
    direct = store().direct_upload("1/new.part", "image/png", 5)
    assert direct is not None
    assert "content-length" in direct.url.lower()
    assert "content-type" in direct.url.lower()
    assert "X-Amz-Expires=3600" in direct.url


@pytest.mark.house
def test_what_a_crash_left_in_the_bucket_is_swept(server: Server, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        named = store_file(VIDEO[:4000], [MP4], purpose="output")
    store().put("1/orphan.mp4", [b"x"], "video/mp4")
    now = clock.now()
    assert delete_orphans(60) == 0, "too young"
    monkeypatch.setattr(storage.clock, "now", lambda: now + timedelta(days=2))
    assert delete_orphans() == 1
    assert list(store().older_than(0)) == [named.storage_key]


@pytest.mark.parametrize(
    ("key", "secret"), [("AKIAIOSFODNN7EXAMPLE", ""), ("", "another/secret")], ids=["unknown key", "wrong secret"]
)
def test_wrong_credentials_are_told_apart_from_a_missing_object(server: Server, key: str, secret: str) -> None:
    stranger = S3Store(server.url(key, secret))
    for attempt in (
        lambda: stranger.put("1/x", [b"x"], "video/mp4"),
        lambda: stranger.read("1/x"),
        lambda: list(stranger.older_than(0)),
        lambda: stranger.delete(["1/x"]),
    ):
        with pytest.raises(StorageDown):
            attempt()


def test_a_bucket_that_is_not_there_is_no_missing_object(server: Server) -> None:
    with pytest.raises(StorageDown):
        S3Store(server.url(bucket="nowhere")).put("1/x", [b"x"], "video/mp4")
    with pytest.raises(StorageDown):
        S3Store(server.url(bucket="nowhere")).read("1/x")


@pytest.mark.house
def test_a_server_that_is_down_is_said_and_nothing_is_half_done(
    server: Server, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        video = store_file(VIDEO[:4000], [MP4], purpose="output")
    link = signed_path(tenant.id, video.public_id)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = server.url().replace(f":{server.port}/", f":{nobody.getsockname()[1]}/")
        monkeypatch.setattr(settings, "STORAGE_URL", gone)
        answer = Client().get(link)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert "Nothing was changed" in answer.content.decode()
        with tenant_scope(tenant.id), pytest.raises(StorageDown):
            store_file(VIDEO[:4000], [MP4], purpose="output")
        with tenant_scope(tenant.id):
            assert File.objects.count() == 1, "no row without its object"
    monkeypatch.setattr(settings, "STORAGE_URL", server.url())
    assert Client().get(link).status_code == 200
