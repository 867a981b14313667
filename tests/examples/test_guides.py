"""What the guides tell a reader to type, taken from the served pages and done as written on a live platform."""

import csv
import html
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from patience import until

from pilothouse.site.house import free_port

pytestmark = pytest.mark.http
KEY = "ek_pilot_your_key"
BASH = ("bash", "-euo", "pipefail", "-c")


def blocks(site: str, path: str, heading: str = "") -> list[tuple[str, str]]:
    """(language, code) of each block of a page as its copy button gives it; of one h2's part when one is named."""
    page = httpx.get(f"{site}{path}", trust_env=False)
    assert page.status_code == 200
    text = page.text
    if heading:
        (text,) = re.findall(rf'<h2 id="{heading}">.*?(?=<h2 id=|</article>)', text, re.DOTALL)
    found = re.findall(r'data-copy="([^"]*)">.*?<pre[^>]* data-language="([^"]*)"', text, re.DOTALL)
    assert found
    return [(language, html.unescape(code)) for code, language in found]


def shell(customer, folder: Path, script: str, **env: str) -> str:
    done = subprocess.run(
        [*BASH, script.replace(KEY, customer.key)], cwd=folder, env=customer.env(**env), capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def shape(value: object) -> object:
    """The keys of a JSON value, without the values."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value).__name__


def test_the_quick_start_works_as_written(customer, tmp_path) -> None:
    found = blocks(customer.site, "/docs/enterprise", "quick-start")
    script = "\n".join(code for language, code in found if language == "sh")
    with customer.client() as client:
        before = client.get("/v1/credits/balance").json()
        first = shell(customer, tmp_path, script)
        batch = json.loads((tmp_path / "batch.json").read_text())
        assert batch["ledger"] == {"reserved": 100, "settled": 100, "refunded": 0, "in_flight": 0}
        assert (tmp_path / "first.mp4").read_bytes()[4:8] == b"ftyp"
        again = shell(customer, tmp_path, script)
        assert json.loads((tmp_path / "batch.json").read_text())["batch_id"] == batch["batch_id"]
        assert client.get("/v1/credits/balance").json()["available"] == before["available"] - 100
    for output in (first, again):
        rows = list(csv.DictReader(io.StringIO(output[output.rindex("id,created_at") :])))
        assert {row["request_id"] for row in rows} == {"order-123"}
        assert sum(int(row["amount"]) for row in rows if row["entry"] == "Settled (success)") == 100
        assert [int(row["credits_delta"]) for row in rows if row["entry"] == "Reserved (initial)"] == [-100]
    told = [json.loads(code) for language, code in found if language == "json"]
    created = json.loads((tmp_path / "created.json").read_text())
    assert [shape(answer) for answer in told] == [
        shape(before),
        shape(created),
        shape({**batch, "webhook": told[2]["webhook"]}),
    ]


@pytest.mark.parametrize(("language", "command"), [("js", ["node"]), ("python", [sys.executable])])
def test_a_webhook_is_set_up_and_verified_as_written(language, command, customer, tmp_path, request) -> None:
    folder = request.getfixturevalue("node_folder") if language == "js" else tmp_path
    site = customer.site
    register, test = [code for kind, code in blocks(site, "/docs/webhooks", "set-up") if kind == "sh"]
    (receiver,) = [code for kind, code in blocks(site, "/docs/webhooks", "verify") if kind == language]
    port = free_port("127.0.0.1", 0, True)
    register = register.replace("https://hooks.example.com/videos", f"http://127.0.0.1:{port}/videos")
    told = shell(customer, tmp_path, register + '\nprintf "\\n%s %s" "$ENDPOINT" "$SORA2_WEBHOOK_SECRET"')
    endpoint, secret = told.splitlines()[-1].split(" ")
    file = folder / ("receiver.mjs" if language == "js" else "receiver.py")
    file.write_text(receiver)
    env = customer.env(SORA2_WEBHOOK_SECRET=secret, PORT=str(port))
    with (tmp_path / "received.txt").open("w") as log, subprocess.Popen([*command, file], env=env, stdout=log) as run:
        try:
            until(lambda: _answers(port), every_s=0.2)
            asked = shell(
                customer, tmp_path, f"{register.splitlines()[0]}\n{register.splitlines()[1]}\n{test}", ENDPOINT=endpoint
            )
            (_kind, sample), *_rest = [one for one in blocks(site, "/docs/webhooks", "set-up") if one[0] == "json"]
            assert shape(json.loads(asked)) == shape(json.loads(sample))
            line = until(lambda: (tmp_path / "received.txt").read_text(), every_s=0.2)
            assert re.fullmatch(r"evt_\w+ test\s*", line)
            assert httpx.post(f"http://127.0.0.1:{port}/", json={"event": "test"}, trust_env=False).status_code == 401
        finally:
            run.terminate()
    with customer.client() as client:
        client.delete(f"/v1/webhooks/{endpoint}").raise_for_status()


def _answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=b"{}", trust_env=False).status_code == 401
    except httpx.TransportError:
        return False


def test_finance_exports_as_written(customer, tmp_path) -> None:
    (script,) = [code for language, code in blocks(customer.site, "/docs/finance") if language == "sh"]
    head, *rows = shell(customer, tmp_path, script).splitlines()
    told = httpx.get(f"{customer.site}/docs/finance", trust_env=False).text
    assert [name for name in head.split(",") if f"<code>{name}</code>" not in told] == []
    assert any("Enterprise Pilot - Northwind Ceramics" in row for row in rows)


@pytest.mark.parametrize("name", ["key", "credits"])
def test_what_the_playbooks_say_to_try_works(name, customer, tmp_path) -> None:
    script = "\n".join(code for _language, code in blocks(customer.site, f"/docs/playbooks/{name}", "try-it"))
    assert '"available":' in shell(customer, tmp_path, script)
