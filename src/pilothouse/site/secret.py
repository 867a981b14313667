"""The secret key: from SECRET_KEY, or one made once and kept in the data folder."""

import os
import secrets
from pathlib import Path

from pilothouse.kernel.base.postgres import make_data_folder

from . import env

SECRET_FILE = "secret-key"  # noqa: S105  (the name of a file)


def secret_key(data: Path) -> str:
    """SECRET_KEY from the environment; without one, a random key that is created once in `data`, readable only by us.

    Two processes that start at the same moment agree, because the file is created exclusively.
    """
    given = env.text("SECRET_KEY")
    if given:
        if len(given) < 32:
            raise env.BadSetting("SECRET_KEY", "…", "at least 32 characters long")
        return given
    path = data / SECRET_FILE
    make_data_folder(data)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    key = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key)
    return key
