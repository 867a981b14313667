"""The garbage collector of a process that stays."""

import gc


def settle() -> None:
    """Take what start-up made out of the collector's sight; called once, when a process is ready to work.

    Django, its models and the programs are some 180,000 objects that live as long as the process. Without this each
    full collection walks them all, 150 ms in the middle of somebody's request or chunk.
    """
    gc.collect()
    gc.freeze()
