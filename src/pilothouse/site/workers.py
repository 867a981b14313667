"""Collects what the rooms and programs give the worker process."""

from importlib import import_module
from importlib.util import find_spec

from pilothouse.kernel.ledger.limits import SEAL_EVERY_S
from pilothouse.kernel.ledger.sealing import seal_and_export
from pilothouse.kernel.work.pump import Periodic, Pump
from pilothouse.kernel.work.worker import WorkerProcess
from pilothouse.pilots import tasks as pilots

from . import backup_verify
from .programs import load_programs

ROOMS = ("access", "files", "terms", "outbox", "payments", "watch")


def build_worker() -> WorkerProcess:
    """A worker with every room's and program's due rows and periodic tasks."""
    pumps: list[Pump] = []
    # The ledger lies below the room of work, so its one periodic task is named here.
    periodic: list[Periodic] = [Periodic("ledger_seal", SEAL_EVERY_S, seal_and_export)]
    for room in ROOMS:
        name = f"pilothouse.kernel.{room}.tasks"
        if find_spec(name) is None:
            continue
        tasks = import_module(name)
        pumps += tasks.pumps() if hasattr(tasks, "pumps") else []
        periodic += tasks.periodic() if hasattr(tasks, "periodic") else []
    periodic += [*pilots.periodic(), *backup_verify.periodic()]
    for program in load_programs().values():
        pumps += program.pumps() if program.pumps else []
        periodic += program.periodic() if program.periodic else []
    return WorkerProcess(pumps, periodic)
