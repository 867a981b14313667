"""How every command ends: its errors travel as exceptions to `run`, which alone makes a sentence and an exit code of
them.

A refusal is one line, `code: sentence`, on standard error; with `--json` it is the error's JSON object on standard
output, where the report would have been.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer

from pilothouse.kernel.base.errors import InvalidInput, PilothouseError, error_body

PROGRAM = "pilothouse"
EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_PIPE_CLOSED = 0, 1, 2, 130, 141
# What docs/reference.md says of them.
EXIT_CODES = {
    EXIT_DONE: "It is done, and what was checked holds.",
    EXIT_REFUSED: "It was refused, or what was checked does not hold.",
    EXIT_USAGE: "The words of the command are wrong: an unknown command or option, a missing or unusable value.",
    EXIT_INTERRUPTED: "Ctrl-C ended it.",
    EXIT_PIPE_CLOSED: "Whoever read the output stopped reading, as `head` does.",
}
# What PostgreSQL says when it works but somebody else was first: lock_not_available, query_canceled, deadlock.
BUSY_SQLSTATES = ("55P03", "57014", "40P01", "40001")


class DatabaseUnreachable(PilothouseError):
    """No database answers a command."""

    code = "database_unreachable"
    status = 503
    message = "The database does not answer: {reason}. If it is new, make it with `pilothouse migrate`."


class DatabaseWaited(PilothouseError):
    """The database was waited for as long as a command waits."""

    code = "database_waited"
    status = 503
    message = "The database was busy: {reason}. Nothing was changed; try again."


class DatabaseOldShape(PilothouseError):
    """The database has the shape of another version, or none yet."""

    code = "database_old_shape"
    status = 409
    message = "The database does not have this version's shape: {reason}. Bring it there with `pilothouse migrate`."


class FileUnusable(PilothouseError):
    """A file or folder that a command was given cannot be read or written."""

    code = "file_unusable"
    status = 422
    message = "{path}: {reason}."


class CannotStart(PilothouseError):
    """A setting or the machine is in the way of a start."""

    code = "cannot_start"
    status = 409
    message = "{reason}"


def run(parser: Callable[[], Any], words: Sequence[str]) -> int:
    """Run the command of the parser that these words name; its exit code, when everything is printed."""
    try:
        code = _ended(parser, words)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left of the output goes nowhere: flushing it at the end of the process would say so once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE_CLOSED
    return code


def _ended(parser: Callable[[], Any], words: Sequence[str]) -> int:
    as_json = "--json" in words
    try:
        command = parser()
        with command.make_context(PROGRAM, list(words)) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except KeyboardInterrupt:
        return _tell(error_body("interrupted", "Ctrl-C ended it."), as_json, EXIT_INTERRUPTED)
    except typer.Abort:
        return _tell(error_body("interrupted", "An answer was needed and none came."), as_json, EXIT_REFUSED)
    except typer.TyperException as wrong:
        return _usage(wrong, as_json)
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error.__context__, BrokenPipeError):  # what rich makes an exit of
            raise error.__context__ from None
        return _refused(error, as_json)
    return EXIT_DONE


def _usage(wrong: typer.TyperException, as_json: bool) -> int:
    """A mistake in the words; a group without a command has printed its help already and has nothing to add."""
    sentence = wrong.format_message()
    if not sentence:
        return EXIT_USAGE
    sentence += "" if sentence.endswith((".", "?", "!")) else "."
    context = getattr(wrong, "ctx", None)
    told = error_body("usage", f"{sentence} See: {context.command_path if context else PROGRAM} --help")
    return _tell(told, as_json, EXIT_USAGE)


def _refused(error: BaseException, as_json: bool) -> int:
    """A refusal in its sentence; an error that is ours to mend also shows where it happened."""
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        return int(error.code or 0)
    refused = _refusal(error)
    if refused is None:
        traceback.print_exception(error)
        refused = PilothouseError()
    return _tell(refused.as_json(), as_json, EXIT_REFUSED)


def _refusal(error: BaseException) -> PilothouseError | None:
    """The refusal that an error stands for; None for one that nobody foresaw."""
    from django.db import DatabaseError, DataError, OperationalError
    from psycopg import errors

    if isinstance(error, PilothouseError):
        return error
    if isinstance(error, SystemExit):
        return CannotStart(reason=error.code)
    if isinstance(error, OSError) and error.filename is not None:
        return FileUnusable(path=error.filename, reason=error.strerror)
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if isinstance(error, OperationalError) or isinstance(cause, errors.OperationalError):
        is_busy = getattr(cause, "sqlstate", None) in BUSY_SQLSTATES
        return (DatabaseWaited if is_busy else DatabaseUnreachable)(reason=reason)
    if isinstance(cause, errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction):
        return DatabaseOldShape(reason=reason)
    if isinstance(error, DataError):
        return InvalidInput(reason=f"{reason}.")
    return None


def _tell(body: dict[str, Any], as_json: bool, code: int) -> int:
    error = body["error"]
    if as_json:
        typer.echo(json.dumps(body, ensure_ascii=False, default=str))
    else:
        typer.echo(f"{error['code']}: {error['message']}", err=True)
    return code
