"""`pilothouse backup` and `pilothouse restore`: one folder holds the house, apart from its secret key."""

from pathlib import Path
from typing import Annotated

import typer

from . import app
from .access import JsonOption, _answer

FolderArgument = Annotated[Path, typer.Argument(help="The folder of the backup.")]


@app.command()
def backup(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Write the database, and the files of a local storage, into a new folder, while the house works."""
    with _answer(as_json) as answer:
        from pilothouse.site.backup import backup as write

        manifest = write(folder.absolute())
        parts = " and ".join(manifest["parts"])
        answer.update(folder=str(folder), **manifest, sentence=f"{folder} holds {parts}. Keep SECRET_KEY elsewhere.")


@app.command()
def restore(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Bring an empty database and storage to what a backup holds, in this version's shape."""
    with _answer(as_json) as answer:
        from pilothouse.site.backup import restore as bring

        manifest = bring(folder.absolute())
        sentence = f"Restored what was backed up at {manifest['made_at']}. Prove it with: pilothouse check"
        answer.update(folder=str(folder), **manifest, sentence=sentence)
