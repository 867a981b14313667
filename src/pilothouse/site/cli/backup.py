"""`pilothouse backup` and `pilothouse restore`: one folder holds the house, apart from its secret key."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from . import app
from .acting import JsonOption, answering

EXIT_UNPROVEN = 1
FolderArgument = Annotated[Path, typer.Argument(help="The folder of the backup.")]


class _FolderFirst(TyperGroup):
    """`backup FOLDER` is `backup write FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["write", *args]
        return super().parse_args(ctx, args)


backup_app = typer.Typer(cls=_FolderFirst, no_args_is_help=True, help="Copies of the house, and their proof.")
app.add_typer(backup_app, name="backup")


@backup_app.command("write")
def write(
    folder: FolderArgument,
    is_verified: Annotated[bool, typer.Option("--verify", help="Prove it at once, as `backup verify` does.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the database, and the files of a local storage, into a new folder, while the house works."""
    problems: list[str] = []
    with answering(as_json) as answer:
        from pilothouse.site.backup import backup
        from pilothouse.site.backup_verify import verify as prove

        manifest = backup(folder.absolute())
        parts = " and ".join(manifest["parts"])
        answer.update(folder=str(folder), **manifest, sentence=f"{folder} holds {parts}. Keep SECRET_KEY elsewhere.")
        if is_verified:
            found = prove(folder.absolute())
            problems = found["problems"]
            answer.update(verified=found, sentence=f"{answer['sentence']} {_proof(folder, found)}")
    _end(problems)


@backup_app.command("verify")
def verify(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Prove a backup: restore it beside the house, count its rows, look at its promises; exit 1 when it fails."""
    problems: list[str] = []
    with answering(as_json) as answer:
        from pilothouse.site.backup_verify import verify as prove

        found = prove(folder.absolute())
        problems = found["problems"]
        answer.update(folder=str(folder), **found, sentence=_proof(folder, found))
    _end(problems)


@app.command()
def restore(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Bring an empty database and storage to what a backup holds, in this version's shape."""
    with answering(as_json, makes=True) as answer:
        from pilothouse.site.backup import restore as bring

        manifest = bring(folder.absolute())
        sentence = f"Restored what was backed up at {manifest['made_at']}. Prove it with: pilothouse check"
        answer.update(folder=str(folder), **manifest, sentence=sentence)


def _proof(folder: Path, found: dict[str, Any]) -> str:
    if found["problems"]:
        return "\n".join([f"{folder} is not what it should be:", *(f"  {each}" for each in found["problems"])])
    return (
        f"It was restored: {found['rows']} rows of {found['tables']} tables and {found['files']} files are there, "
        f"{found['promises']} promises and {found['invariants']} invariants hold."
    )


def _end(problems: list[str]) -> None:
    if problems:
        raise typer.Exit(EXIT_UNPROVEN)
