"""`pilothouse pilot prove`: what an operator keeps in answer to “Is Demo the same as API?”."""

from typing import Annotated

import typer

from .acting import AsOption, JsonOption, acting_scope
from .pilot import PilotArgument, pilot_app
from .tables import say


@pilot_app.command()
def prove(
    pilot: PilotArgument,
    first: Annotated[str, typer.Argument(help="A batch of this account that came in by a page or the demo.")],
    second: Annotated[str, typer.Argument(help="A batch of the same videos that came in through the API.")],
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Keep the comparison of two batches as a proof of parity; the customer accepts it on the page of their pilot."""
    with acting_scope(operator):
        from pilothouse.pilots.parity import parity_of
        from pilothouse.pilots.pilot_json import shown_parity
        from pilothouse.pilots.pilot_reads import access_pilot
        from pilothouse.programs.video.parity_proofs import keep_proof

        row = access_pilot(pilot)
        kept = keep_proof(first, second, tenant=row.tenant_id)
        body = shown_parity(parity_of(row))
    words = f"{kept.public_id}: {kept.state}, {kept.media_equal} of {kept.media_compared} with the same bytes."
    say({"ok": True, "proof": kept.public_id, "state": kept.state, **body}, as_json, words)
