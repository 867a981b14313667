"""Structured logs: readable on a terminal, JSON lines in a rotating file."""

import logging
import logging.config
import re
import sys
from pathlib import Path
from typing import Any

import structlog

FILE_MAX_BYTES = 20 * 1024 * 1024
FILE_BACKUPS_COUNT = 5
# What serves or works writes its errors into the database as well (kernel/watch/error_log.py).
COUNTED_PROCESSES = ("web", "live", "worker")

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def escape_control(logger: Any, name: str, event: Any) -> Any:
    """Write control characters as escapes: what a stranger sent must not colour or move an operator's terminal."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
    return event


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: `level`, `folder` for the rotating file, `process` to name it (two processes must not
    rotate one file), `sql` to log every statement."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        escape_control,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Plain tracebacks: the decorated ones print local variables, and those hold keys and prompts.
    console: Any = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    handlers: dict[str, Any] = {"console": {"class": "logging.StreamHandler", "formatter": "console"}}
    folder = Path(config["folder"])
    if folder.is_dir():
        handlers["file"] = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": str(folder / f"{config['process']}.jsonl"),
            "maxBytes": FILE_MAX_BYTES,
            "backupCount": FILE_BACKUPS_COUNT,
            "formatter": "json",
            "delay": True,
        }
    if config["process"] in COUNTED_PROCESSES:
        handlers["errors"] = {"class": "pilothouse.kernel.watch.error_log.ErrorLogHandler", "level": "ERROR"}
    final = structlog.stdlib.ProcessorFormatter
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "console": {"()": final, "processor": console, "foreign_pre_chain": shared},
                "json": {
                    "()": final,
                    "processors": [
                        final.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        structlog.processors.JSONRenderer(),
                    ],
                    "foreign_pre_chain": shared,
                },
            },
            "handlers": handlers,
            "root": {"handlers": list(handlers), "level": config["level"]},
            "loggers": {
                "django": {"level": config["level"]},  # its own configuration says INFO, whatever LOG_LEVEL says
                "django.db.backends": {"level": "DEBUG" if config["sql"] else "WARNING"},
                "httpx2": {"level": "WARNING"},
                "PIL": {"level": "INFO"},
            },
        }
    )
