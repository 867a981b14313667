"""Errors of the benches."""

from pilothouse.kernel.base.errors import PilothouseError


class BenchUnavailable(PilothouseError):
    """What a bench needs is not there."""

    code = "bench_unavailable"
    status = 500
    message = "The bench {name} cannot run here: {reason}"
