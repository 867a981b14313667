"""A bank's list of incoming transfers, as CSV: read whole, refused whole, recorded once."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from pilothouse.kernel.base.errors import PilothouseError

from . import limits
from .amounts import minor_amount
from .errors import ImportRefused
from .incoming import record_payment
from .models import Payment

REQUIRED = ("reference", "amount")
KNOWN = (*REQUIRED, "payer", "note")


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows of a file were recorded now, and how many stood from before."""

    recorded: int
    known: int


def import_payments(tenant: int, unit: str, data: bytes) -> Imported:
    """Record each row of a UTF-8 CSV with the columns reference, amount, payer and note, in the caller's transaction.

    A row that is known with the same values counts as known, so a file can be sent again. Raises ImportRefused with
    the first bad row; nothing of the file is recorded then.
    """
    if len(data) > limits.IMPORT_MAX_BYTES:
        raise ImportRefused(row=0, reason=f"The file has more than {limits.IMPORT_MAX_BYTES} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportRefused(row=0, reason="The file is not UTF-8 text; save it as CSV UTF-8.") from None
    dialect = "excel" if text.partition("\n")[0].count(",") >= text.partition("\n")[0].count(";") else "semicolon"
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if dialect == "semicolon" else ",")
    heads = [str(head).strip().lower() for head in reader.fieldnames or ()]
    if missing := [name for name in REQUIRED if name not in heads]:
        raise ImportRefused(row=1, reason=f"The columns {', '.join(missing)} are missing.")
    reader.fieldnames = heads
    before = Payment.objects.filter(tenant_id=tenant, source="bank").count()
    number = 1
    try:
        for number, row in enumerate(reader, start=2):
            if number > limits.IMPORT_MAX_ROWS + 1:
                raise ImportRefused(row=number, reason=f"A file has at most {limits.IMPORT_MAX_ROWS} payments.")
            _record(tenant, unit, row)
    except csv.Error as error:
        raise ImportRefused(row=number, reason=f"It is no CSV: {error}.") from None
    except ImportRefused:
        raise
    except PilothouseError as error:
        raise ImportRefused(row=number, reason=str(error)) from error
    recorded = Payment.objects.filter(tenant_id=tenant, source="bank").count() - before
    return Imported(recorded, number - 1 - recorded)


def _record(tenant: int, unit: str, row: Mapping[str, str | None]) -> None:
    values = {name: (row.get(name) or "").strip() for name in KNOWN}
    record_payment(
        tenant,
        source="bank",
        reference=values["reference"],
        amount=minor_amount(values["amount"], unit),
        unit=unit,
        payer=values["payer"],
        note=values["note"],
    )
