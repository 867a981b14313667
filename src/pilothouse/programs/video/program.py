"""What the video program is."""

from pilothouse.kernel.base.program import Program

from . import lifecycle

PROGRAM = Program(
    name="video",
    title="Video batches",
    app="video",
    lifecycles=(lifecycle.BATCH.name, lifecycle.ITEM.name),
)
