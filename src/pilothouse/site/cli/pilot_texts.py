"""`pilothouse pilot text | reports | send | messages`: what a pilot says, as files, mails and posts."""

from pathlib import Path
from typing import Annotated

import typer

from .acting import AsOption, JsonOption, PaperOption, acting_scope
from .pilot import PilotArgument, pilot_app
from .tables import print_json, print_table, say

TextArgument = Annotated[str, typer.Argument(help="The text's id in the runbook, for example internal_update.")]
WordsOption = Annotated[
    list[str] | None, typer.Option("--say", help="What a person says, as notes='All well'; may be repeated.")
]


def _words(given: list[str] | None) -> dict[str, str]:
    from pilothouse.pilots.slots import SPOKEN

    told = dict(each.partition("=")[::2] for each in given or ())
    if unknown := sorted(set(told) - set(SPOKEN)):
        raise typer.BadParameter(f"--say knows {', '.join(SPOKEN)}; not {', '.join(unknown)}.")
    return told


@pilot_app.command()
def text(
    pilot: PilotArgument,
    name: TextArgument,
    out: PaperOption = None,
    spoken: WordsOption = None,
    as_json: JsonOption = False,
) -> None:
    """A message or report as it would be sent now, printed or written as Markdown or PDF."""
    with acting_scope(""):
        from pilothouse.pilots.messages import draft
        from pilothouse.pilots.paper_files import write_paper
        from pilothouse.pilots.pilot_reads import access_pilot

        paper = draft(access_pilot(pilot), name, _words(spoken)).paper
        if out is not None:
            write_paper(paper, out)
    body = {
        "ok": True, "text": name, "subject": paper.title, "body": paper.markdown, "inputs": dict(paper.inputs),
        "inputs_sha256": paper.inputs_sha256, "body_sha256": paper.body_sha256, "file": str(out or ""),
    }  # fmt: skip
    say(body, as_json, f"{out}: inputs {paper.inputs_sha256}" if out else paper.markdown)


@pilot_app.command()
def reports(
    pilot: PilotArgument,
    out: Annotated[Path, typer.Option(help="A folder.")],
    as_json: JsonOption = False,
) -> None:
    """Every report of a pilot as Markdown and PDF."""
    with acting_scope(""):
        from pilothouse.pilots.paper_files import write_reports

        written = [str(path) for path in write_reports(pilot, out)]
    say({"ok": True, "files": written}, as_json, "\n".join(written))


@pilot_app.command()
def send(
    pilot: PilotArgument,
    name: TextArgument,
    channel: Annotated[str, typer.Option(help="mail, chat or note; what the text is for otherwise.")] = "",
    to: Annotated[list[str] | None, typer.Option(help="A mail address instead; may be repeated.")] = None,
    spoken: WordsOption = None,
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send a message or report now, and keep it as it was sent."""
    if channel not in ("", "mail", "chat", "note"):
        raise typer.BadParameter("--channel is mail, chat or note.")
    with acting_scope(operator):
        from pilothouse.pilots.message_words import send_ready

        row = send_ready(pilot, name, _words(spoken), to=to or (), channel=channel)
        body = {
            "ok": True, "message": row.public_id, "text": row.text, "channel": row.channel, "to": row.recipients,
            "subject": row.subject, "inputs_sha256": row.inputs_sha256, "body_sha256": row.body_sha256,
        }  # fmt: skip
        where = ", ".join(row.recipients) or "nobody; it is kept"
    say(body, as_json, f"{row.public_id}: {row.subject}, by {row.channel} to {where}.")


@pilot_app.command()
def messages(pilot: PilotArgument, as_json: JsonOption = False) -> None:
    """What was sent of a pilot, the newest first."""
    with acting_scope(""):
        from pilothouse.kernel.base.clock import iso
        from pilothouse.pilots.limits import MESSAGES_LISTED_COUNT
        from pilothouse.pilots.message_reads import sent_messages
        from pilothouse.pilots.pilot_reads import access_pilot

        rows = [
            {**row, "sent_at": iso(row["sent_at"])}
            for row in sent_messages(pilot=access_pilot(pilot).id, count=MESSAGES_LISTED_COUNT)
        ]
    names = ("public_id", "text", "channel", "subject", "sent_at", "sent_by", "inputs_sha256")
    columns = {"public_id": "message", **{name: name for name in names[1:]}}
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns, "Nothing was sent of this pilot.")
