"""What must always hold of deals."""

from pathlib import Path

from pilothouse.kernel.watch.checks import declare_promises

PROMISES = declare_promises((), Path(__file__).parent / "sql" / "invariants")
