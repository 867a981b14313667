"""The image and the compose file, as far as they can be tried without a container engine.

No test here pulls an image or starts a container. What is tried is all that stands in our own files: that what is
copied is there, that the build's commands work in an empty folder, and that names, ports and health checks fit.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilothouse.site.cli import parser

ROOT = Path(__file__).resolve().parents[2]
# What the compose file sets for programs of others.
OTHERS = {"POSTGRES_PASSWORD", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "S3_PASSWORD"}
# What the interpreter and the health check read; no setting of ours.
MACHINE = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR",
           "HEALTH_PORT"}  # fmt: skip
SERVICE_KEYS = {"image", "build", "restart", "env_file", "environment", "command", "entrypoint", "depends_on",
                "healthcheck", "volumes", "ports", "configs", "stop_grace_period"}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: (name, rest), continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def settings_known() -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / "env.sample").read_text(), re.MULTILINE))


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in compose["services"].items() if each["image"] == "pilothouse:local"}


def test_every_copied_path_is_there_and_not_ignored() -> None:
    kept = {line[1:].strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split() for name, rest in instructions() if name == "COPY" and not rest.startswith("--from")]
    assert copied
    for *sources, _target in copied:
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in kept, f"{source} is left out by .dockerignore"
    stages = {rest.split(" AS ")[-1] for name, rest in instructions() if name == "FROM"}
    assert {
        rest.split()[0].removeprefix("--from=") for name, rest in instructions() if rest.startswith("--from")
    } <= stages


def test_the_image_runs_as_nobody_special_and_sets_only_known_names() -> None:
    found = dict(instructions())
    assert found["USER"] == "10001"
    assert found["STOPSIGNAL"] == "SIGTERM"
    names = {pair.split("=")[0] for name, rest in instructions() if name == "ENV" for pair in rest.split()}
    assert names <= settings_known() | MACHINE
    assert not any(word in found for word in ("ADD", "ARG")), "nothing is fetched or passed in while building"


def test_the_images_command_and_those_of_compose_are_ours(compose: dict[str, Any]) -> None:
    (default,) = [yaml.safe_load(rest) for name, rest in instructions() if name == "CMD"]
    known: Any = parser()
    for command in (default, *(each["command"] for each in ours(compose).values())):
        program, name, *arguments = command
        assert program == "pilothouse"
        found = known.commands[name]
        context = found.make_context(name, list(arguments), resilient_parsing=False)
        assert context.params is not None
    assert {each["command"][1] for each in ours(compose).values()} == {"web", "live", "worker", "migrate"}


def test_compose_is_whole(compose: dict[str, Any]) -> None:
    assert set(compose) - {key for key in compose if key.startswith("x-")} == {"name", "services", "configs", "volumes"}
    used = set()
    for name, each in compose["services"].items():
        assert set(each) <= SERVICE_KEYS, name
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", each["image"]), f"{name}: an image is named with its version"
        assert not each["image"].endswith(":latest")
        after = each.get("depends_on", {})
        for other, how in after.items() if isinstance(after, dict) else [(other, {}) for other in after]:
            assert other in compose["services"], f"{name} waits for {other}"
            assert how.get("condition", "service_started") in CONDITIONS
            if how.get("condition") == "service_healthy":
                assert compose["services"][other]["healthcheck"]["test"]
        used |= {volume.split(":")[0] for volume in each.get("volumes", [])}
        used |= {f"config {config['source']}" for config in each.get("configs", [])}
    assert used == set(compose["volumes"]) | {f"config {name}" for name in compose["configs"]}


def test_every_name_that_compose_sets_or_asks_for_is_known(compose: dict[str, Any]) -> None:
    text = (ROOT / "compose.yaml").read_text()
    known = settings_known()
    for name, each in compose["services"].items():
        assert set(each.get("environment", {})) <= known | OTHERS | MACHINE, name
    guide = (ROOT / "docs/operations.md").read_text()
    for asked, kind in re.findall(r"(?<!\$)\$\{(\w+)(:\?|:-)?", text):
        assert kind, f"{asked} has neither a default nor a sentence that asks for it"
        assert asked in known or asked in guide, f"no guide names {asked}"


def test_the_services_find_one_another(compose: dict[str, Any]) -> None:
    """Addresses in settings and in the proxy's configuration name services and the ports that their commands open."""
    opened = {"database": "5432", "storage": "9000"}
    for name, each in ours(compose).items():
        if "--port" in each["command"]:
            opened[name] = each["command"][each["command"].index("--port") + 1]
    assert opened["live"] == compose["services"]["live"]["environment"]["HEALTH_PORT"]
    web = compose["services"]["web"]["environment"]
    proxied = compose["configs"]["proxy"]["content"]
    wanted = [*re.findall(r"@(\w+):(\d+)/", web["DATABASE_URL"] + web["STORAGE_URL"])]
    wanted += re.findall(r"reverse_proxy (?:@live )?(\w+):(\d+)", proxied)
    assert len(wanted) == 4
    assert all(opened[name] == port for name, port in wanted)
    assert "BEHIND_PROXY" in web, "there is a proxy"
    listening = re.search(r"^:(\d+) \{", proxied, re.MULTILINE)
    assert listening is not None
    assert [port.split(":")[-1] for port in compose["services"]["proxy"]["ports"]] == [listening[1]]


def test_the_settings_of_compose_start_a_process(compose: dict[str, Any], tmp_path: Path) -> None:
    """The settings module takes them as they stand, with the passwords that compose asks for."""
    given = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value))
             for name, value in compose["services"]["web"]["environment"].items()}  # fmt: skip
    given = {
        name: re.sub(r"\$\{(\w+):\?.*?\}", "0123456789abcdef0123456789abcdef", value) for name, value in given.items()
    }
    code = (
        "import django\ndjango.setup()\nfrom django.conf import settings as s\n"
        "from pilothouse.kernel.files.storage import S3Store\n"
        "store = S3Store(s.STORAGE_URL)\n"
        "print(s.DATABASES['default']['HOST'], s.DATABASES['worker']['NAME'], store._bucket.name, s.SITE_URL)"
    )
    env = {"PATH": os.environ["PATH"], "DATA": str(tmp_path), **given}
    env["DJANGO_SETTINGS_MODULE"] = "pilothouse.site.settings"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["database", "pilothouse", "pilothouse", "http://localhost:8080"]


class Answer(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_images_health_check_says_what_healthz_says(status: int, code: int) -> None:
    (text,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
    _python, *arguments = yaml.safe_load(text.split(" CMD ", 1)[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (Answer,), {"status": status}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        env = {"PATH": os.environ["PATH"], "HEALTH_PORT": str(server.server_port)}
        done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, timeout=60, check=False)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == code


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_the_builds_commands_work_in_an_empty_folder(tmp_path: Path) -> None:
    """Each RUN of the build stage, with what COPY brings and nothing else; then the program answers."""
    build, target = tmp_path / "build", tmp_path / "opt"
    build.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA": str(tmp_path / "data")}
    env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    stage = instructions()[: [name for name, _ in instructions()].index("FROM", 1)]
    for name, rest in stage:
        if name == "COPY":
            *sources, into = rest.split()
            for source in sources:
                place = (
                    build / into if len(sources) == 1 and not into.endswith("/") else build / into / Path(source).name
                )
                place.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile
                copy(ROOT / source, place)
        elif name == "RUN":
            command = rest.replace("/opt/pilothouse", shlex.quote(str(target)))
            done = subprocess.run(
                ["sh", "-ec", command], cwd=build, env=env, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    shutil.rmtree(build)
    for arguments in (["--help"], ["web", "--help"], ["worker", "--help"]):
        done = subprocess.run(
            [target / "bin/pilothouse", *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    listed = subprocess.run([target / "bin/pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "hatchling" not in listed
