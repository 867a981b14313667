"""What every house needs before its first customer: the published price lists of its programs."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.pilots.publishing import publish_first_runbooks

from .programs import load_programs


def seed() -> None:
    """Publish each program's first terms where none are in force; running it again changes nothing."""
    with worker_scope("seed"):
        for program in load_programs().values():
            if program.seed is not None:
                program.seed()
        publish_first_runbooks()
