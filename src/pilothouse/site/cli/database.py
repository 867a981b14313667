"""Commands on the database itself, and the way in which other commands reach it."""

import contextlib
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from . import app

database_app = typer.Typer(no_args_is_help=True, help="The embedded database.")
app.add_typer(database_app, name="database")
EXIT_BUSY = 3


# Set while this command runs the embedded server itself, so that it does not take its own hold for a tree's.
OWN_SERVER = "PILOTHOUSE_OWN_SERVER"


def data_folder() -> Path:
    """The data folder that this command works on."""
    return Path(os.environ.get("DATA", ".data")).absolute()


@contextlib.contextmanager
def database_up() -> Iterator[None]:
    """Make sure that the database answers: a server of DATABASE_URL, the running tree's, or one of our own.

    Our own is started for the length of the block and stopped after it; the folder's lock is held meanwhile, so that
    no tree can start beside it.
    """
    from pilothouse.kernel.base.postgres import EmbeddedPostgres, make_data_folder
    from pilothouse.site.tree import running
    from pilothouse.site.tree.folder import AlreadyRunning, held

    # A command says once that the database does not answer; the pool would say it at each of its attempts.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    data = data_folder()
    live = running(data)
    if live:
        for name, key in (("SITE_URL", "site"), ("LIVE_URL", "live")):
            if live.get("urls", {}).get(key):
                os.environ.setdefault(name, live["urls"][key])
    if os.environ.get("DATABASE_URL") or os.environ.get("PILOTHOUSE_TEST_SERVER") or live:
        yield
        return
    make_data_folder(data)
    try:
        with held(data):
            server = EmbeddedPostgres(data)
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
    except AlreadyRunning as busy:
        typer.echo(str(busy), err=True)
        raise typer.Exit(EXIT_BUSY) from None


def _close_connections() -> None:
    """Let go of the server before it stops; a pool's idle connections would be cut with an error."""
    from django.conf import settings

    if not settings.configured:
        return
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
    from pilothouse.site.tree.folder import AlreadyRunning, held

    data = data_folder()
    try:
        with held(data):
            kept = bring(data, old_bin=old_bin, say=typer.echo)
    except AlreadyRunning as busy:
        typer.echo(str(busy), err=True)
        raise typer.Exit(EXIT_BUSY) from None
    typer.echo(f"The old folder is kept at {kept}.")
