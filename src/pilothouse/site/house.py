"""One machine's whole house: the embedded database, web, live and worker as one process tree."""

import fcntl
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.postgres import EmbeddedPostgres

from .tree import ProcessSpec, Tree

WEB_PORT = 8000
LIVE_PORT = 8001
# Far more than database connections: a thread is held while a slow client sends its body, a connection is not.
WEB_THREADS_COUNT = 64
BIND_DEFAULT = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HouseOptions:
    """How the house is started. Ports that are taken are replaced by free ones when `any_port` is set.

    One that is `passing` ends by itself, so that no other command joins it.
    """

    data: Path
    kind: str = "production"
    bind: str = BIND_DEFAULT
    web_port: int = WEB_PORT
    live_port: int = LIVE_PORT
    any_port: bool = True
    reload: bool = False
    quiet: bool = False
    passing: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


class PortTaken(PilothouseError):
    """Another program listens on the port that was asked for."""

    code = "port_taken"
    status = 409
    message = "Port {port} on {bind} is taken by another program. Choose another with --port."


_taken: list[int] = []


def free_port(bind: str, wanted: int, any_port: bool) -> int:
    """`wanted` when it is free, else a free one; raises PortTaken when it must be that one.

    The web server shares its port with whoever asks for the same (SO_REUSEPORT), so that of two houses that start at
    the same moment each would answer half of the other's requests. A lock on the number, held for this process's
    life, keeps the second away.
    """
    for port in (wanted, *([0] * 5)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
                found = int(probe.getsockname()[1])
                if _reserve(found):
                    return found
            except OSError:
                pass
        if not any_port:
            break
    raise PortTaken(port=wanted, bind=bind)


def _reserve(port: int) -> bool:
    path = Path(tempfile.gettempdir()) / f"pilothouse-port-{port}-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _taken.append(descriptor)
    return True


def environment(options: HouseOptions, web_port: int, live_port: int) -> dict[str, str]:
    """The settings of every process of this house; what the host has set itself stays."""
    # By name: browsers make passkeys for no address that is a number.
    host = "localhost" if options.bind in ("127.0.0.1", "::1", "0.0.0.0", "::") else options.bind  # noqa: S104
    found = {
        "DATA": str(options.data),
        "HOUSE_KIND": options.kind,
        "SITE_URL": os.environ.get("SITE_URL", f"http://{host}:{web_port}"),
        "LIVE_URL": os.environ.get("LIVE_URL", f"http://{host}:{live_port}"),
        "DJANGO_SETTINGS_MODULE": "pilothouse.site.settings",
    }
    if options.kind in ("demo", "test"):
        # A demo's own receiver listens on this machine; the page is striped while this is on.
        found["WEBHOOK_ALLOW_LOCAL"] = os.environ.get("WEBHOOK_ALLOW_LOCAL", "1")
        # Every request of the demo comes from one address and one person.
        found.setdefault("ALLOWED_HOSTS", os.environ.get("ALLOWED_HOSTS", "*"))
    return {**found, **options.env}


def granian(interface: str, target: str, bind: str, port: int, *more: str) -> list[str]:
    """The command of one server process."""
    return [
        sys.executable, "-m", "granian", "--interface", interface, "--host", bind, "--port", str(port),
        "--workers", "1", "--no-ws", "--log-level", "error", *more, target,
    ]  # fmt: skip


def build_house(options: HouseOptions, prepare: Callable[[Tree], None]) -> tuple[Tree, dict[str, str]]:
    """The tree of this house, not yet started, and the environment that its processes get.

    The environment is also set in this process, so that `prepare` and the demo see the same database.
    """
    web_port = free_port(options.bind, options.web_port, options.any_port)
    live_port = free_port(options.bind, options.live_port, options.any_port)
    env = environment(options, web_port, live_port)
    os.environ.update(env)
    local = f"http://127.0.0.1:{web_port}"
    live = f"http://127.0.0.1:{live_port}"
    # A typo ends no house: the processes wait for the next change.
    watched = ["--reload", "--reload-ignore-worker-failure", "--reload-paths", str(Path(__file__).parents[1])]
    reload = watched if options.reload else []
    threads = ["--blocking-threads", str(WEB_THREADS_COUNT)]
    processes = [
        ProcessSpec(
            "web",
            granian("wsgi", "pilothouse.site.wsgi:application", options.bind, web_port, *threads, *reload),
            env={**env, "PROCESS_NAME": "web"},
            ready_url=f"{local}/healthz",
            quiet=options.quiet,
        ),
        ProcessSpec(
            "live",
            granian("asginl", "pilothouse.site.live:application", options.bind, live_port, *reload),
            env={**env, "PROCESS_NAME": "live"},
            ready_url=f"{live}/healthz",
            quiet=options.quiet,
        ),
        ProcessSpec(
            "worker",
            [sys.executable, "-m", "pilothouse.site.cli", "worker"],
            env={**env, "PROCESS_NAME": "worker"},
            quiet=options.quiet,
        ),
    ]
    database = None if os.environ.get("DATABASE_URL") else EmbeddedPostgres(options.data)
    urls = {"site": env["SITE_URL"], "live": env["LIVE_URL"]}
    console = None if options.quiet else sys.stderr
    tree = Tree(
        options.data, processes, database=database, urls=urls, prepare=prepare, console=console, passing=options.passing
    )
    return tree, env
