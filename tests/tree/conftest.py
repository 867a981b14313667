"""The fixture of a small tree; the harness is importable by the tests of this folder."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tree_harness import House, leftovers


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own, ended whatever the test does."""
    folder = tmp_path_factory.mktemp("my house")
    for part in (folder, folder.parent, folder.parent.parent):
        part.chmod(0o711)  # pytest closes its folders to the user that runs the server under root
    house = House(folder / "data of it")
    yield house
    for process in psutil.process_iter():
        if any(line.startswith(f"{process.pid} ") for line in leftovers(house.data)):
            process.send_signal(signal.SIGKILL)
    if house.process is not None:
        house.process.communicate()
