"""The garbage collector: at rest while a process starts, and spared what start-up made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Collect nothing while modules load: they make some 180,000 objects and hardly any garbage.

    Walking them again and again is a fifth of a start. Afterwards the collector no longer sees them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


def settle() -> None:
    """Take what start-up made out of the collector's sight; called once, when a process is ready to work.

    Django, its models and the programs are some 180,000 objects that live as long as the process. Without this each
    full collection walks them all, 150 ms in the middle of somebody's request or chunk.
    """
    gc.collect()
    gc.freeze()
