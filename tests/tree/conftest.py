"""The fixture of a small tree; the harness is importable by the tests of this folder."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.kernel.base.postgres import EmbeddedPostgres

sys.path.insert(0, str(Path(__file__).parent))

from tree_harness import House, leftovers


@pytest.fixture
def tree() -> Iterator[House]:
    """A house of its own, ended whatever the test does."""
    # Not pytest's own folder: it is closed to the user that runs the server under root.
    folder = Path(tempfile.mkdtemp(prefix="ph-test-", suffix=" my house"))
    folder.chmod(0o711)
    house = House(folder / "data of it")
    yield house
    for line in leftovers(house.data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(line.split()[0]), signal.SIGKILL)
    if house.process is not None:
        house.process.communicate()
    shutil.rmtree(folder)
    shutil.rmtree(EmbeddedPostgres(house.data).socket_folder, ignore_errors=True)
