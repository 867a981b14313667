"""`up` and the single processes that production hosts start: `web`, `live`, `worker`, `migrate`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import app, setup
from .acting import DataOption
from .database import database_up

PortOption = Annotated[int, typer.Option("--port", envvar="PORT", help="The web port.")]
BindOption = Annotated[str, typer.Option("--bind", help="The address to listen on.")]


@app.command()
def up(
    data: DataOption = Path(".data"),
    port: PortOption = 8000,
    live_port: Annotated[int, typer.Option("--live-port", help="The port of live updates.")] = 8001,
    bind: BindOption = "127.0.0.1",
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo world and run the demo batch.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Restart web and live when code changes.")] = False,
) -> None:
    """Start the embedded database, web, live and worker as one process tree; Ctrl-C ends all of it."""
    from pilothouse.site.house import HouseOptions, build_house
    from pilothouse.site.tree import Tree

    kind = "demo" if demo else os.environ.get("HOUSE_KIND", "production")
    options = HouseOptions(data.absolute(), kind=kind, bind=bind, web_port=port, live_port=live_port, reload=reload)

    def prepare(tree: Tree) -> None:
        setup()
        from pilothouse.site.migrate import migrate, refuse_other_kind
        from pilothouse.site.seed import seed

        tree.say("bringing the database to this version's shape")
        migrate()
        refuse_other_kind(kind)
        seed()

    tree, env = build_house(options, prepare)

    def ready(tree: Tree) -> int | None:
        if demo:
            from .demo import show_demo

            show_demo(env)
        else:
            tree.say(f"ready at {env['SITE_URL']}")
        return None

    raise typer.Exit(tree.run(ready))


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL, or the embedded one, to this version's shape."""
    with database_up(makes=True):
        from pilothouse.site.migrate import migrate as bring
        from pilothouse.site.seed import seed

        bring()
        seed()
    typer.echo("The database has this version's shape.")


@app.command()
def web(port: PortOption = 8000, bind: BindOption = "0.0.0.0", workers: int = 2) -> None:  # noqa: S104
    """Run the web process alone (production hosts; see docs/architecture.md)."""
    _exec("wsgi", "pilothouse.site.wsgi:application", bind, port, workers)


@app.command()
def live(port: PortOption = 8001, bind: BindOption = "0.0.0.0") -> None:  # noqa: S104
    """Run the process of live updates alone."""
    _exec("asginl", "pilothouse.site.live:application", bind, port, 1)


def _exec(interface: str, target: str, bind: str, port: int, workers: int) -> None:
    from pilothouse.site.house import WEB_THREADS_COUNT

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    command = [
        sys.executable, "-m", "granian", "--interface", interface, "--host", bind, "--port", str(port),
        "--workers", str(workers), "--no-ws", "--log-level", "info", target,
    ]  # fmt: skip
    if interface == "wsgi":
        command[-1:-1] = ["--blocking-threads", str(WEB_THREADS_COUNT)]
    os.execv(sys.executable, command)  # noqa: S606


@app.command()
def worker() -> None:
    """Run the worker process: items, deliveries, timers, jobs and periodic tasks, until SIGTERM."""
    import asyncio

    setup()
    from pilothouse.site.heartbeat import start_heartbeat
    from pilothouse.site.workers import build_worker

    start_heartbeat("worker")
    asyncio.run(build_worker().run())
