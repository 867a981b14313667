"""Commands on the database itself, and the way in which other commands reach it."""

import contextlib
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from pilothouse.kernel.base.errors import PilothouseError

from . import app, setup

database_app = typer.Typer(no_args_is_help=True, help="The embedded database.")
app.add_typer(database_app, name="database")
# Set while this command runs the embedded server itself, so that it does not take its own hold for a tree's.
OWN_SERVER = "PILOTHOUSE_OWN_SERVER"


class NoHouse(PilothouseError):
    """The data folder holds no database yet, and this command makes none."""

    code = "no_house"
    status = 409
    message = (
        "There is no house in {folder} yet: start one with `pilothouse up`, or name another folder in the setting DATA."
    )


def data_folder() -> Path:
    """The data folder that this command works on."""
    return Path(os.environ.get("DATA", ".data")).absolute()


def joined(data: Path) -> dict[str, Any] | None:
    """The running tree of the folder, if one stays; waits for a command that has the folder to itself meanwhile."""
    from pilothouse.site.tree.folder import settled

    words = f"Another command works on {data}; this one goes on when it ends."
    return settled(data, lambda: typer.echo(words, err=True))


@contextlib.contextmanager
def database_up(*, makes: bool = False) -> Iterator[None]:
    """Load Django and make sure that the database answers: a server of DATABASE_URL, the running tree's, or our own.

    Our own is started for the length of the block and stopped after it; the folder's lock is held meanwhile, so that
    no tree can start beside it, and another command waits. Raises NoHouse where there is none, unless the command
    `makes` one.
    """
    from pilothouse.kernel.base.postgres import EmbeddedPostgres, make_data_folder
    from pilothouse.site.tree.folder import AlreadyRunning, held

    # A command says once that the database does not answer; the pool would say it at each of its attempts.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    data = data_folder()
    server = EmbeddedPostgres(data)
    with contextlib.ExitStack() as hold:
        while not _is_elsewhere(data):
            if not (makes or server.major_on_disk()):
                raise NoHouse(folder=data)
            make_data_folder(data)
            # Another command that waited, too, may be the first to take the folder.
            with contextlib.suppress(AlreadyRunning):
                hold.enter_context(held(data))
                break
        else:
            setup()
            yield
            return
        setup()
        server.prepare()
        server.start(stdout=subprocess.DEVNULL)
        try:
            server.wait_ready()
            os.environ[OWN_SERVER] = "1"
            yield
        finally:
            os.environ.pop(OWN_SERVER, None)
            _close_connections()
            server.stop()


def _is_elsewhere(data: Path) -> bool:
    """Whether another process runs the server: that of DATABASE_URL, the tests', or a tree that stays."""
    from pilothouse.site.tree import running

    is_given = any(os.environ.get(name) for name in ("DATABASE_URL", "PILOTHOUSE_TEST_SERVER", OWN_SERVER))
    live = running(data) if is_given else joined(data)
    for name, key in (("SITE_URL", "site"), ("LIVE_URL", "live")):
        if live and live.get("urls", {}).get(key):
            os.environ.setdefault(name, live["urls"][key])
    return is_given or live is not None


def _close_connections() -> None:
    """Let go of the server before it stops; a pool's idle connections would be cut with an error."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()


@database_app.command()
def upgrade(
    old_bin: Annotated[Path | None, typer.Option("--old-bin", help="Folder of the old PostgreSQL's programs.")] = None,
) -> None:
    """Bring the data folder of an older PostgreSQL major to this one; the old folder is kept."""
    from pilothouse.kernel.base.upgrade import upgrade as bring
    from pilothouse.site.tree.folder import held

    data = data_folder()
    if not data.is_dir():
        raise NoHouse(folder=data)
    with held(data):
        kept = bring(data, old_bin=old_bin, say=typer.echo)
    typer.echo(f"The old folder is kept at {kept}.")
