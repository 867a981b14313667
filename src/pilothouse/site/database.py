"""Where the database is, and how each alias logs in.

Three aliases point at one database: `default` (role `ph_web`), `worker` (role `ph_worker`) and `owner`, which only
`migrate` and `database` commands open. With no DATABASE_URL the embedded server in the data folder is used, over a
socket with peer authentication. With one, it is an administrator's address; the login roles' passwords follow from
SECRET_KEY, and DATABASE_WEB_URL or DATABASE_WORKER_URL override an address where the host needs another one.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pilothouse.kernel.base.roles import password_of

from . import env

DATABASE_NAME_DEFAULT = "pilothouse"
POOL_MAX_CONNECTIONS = 16
# A caller is told soon that the database is away; it asks again, which is also when the pool tries again. The pool's
# own tries wait twice as long each time, so that after a long outage it would come back minutes too late.
POOL_WAIT_S = 3
RECONNECT_S = 1


def from_url(url: str) -> dict[str, Any]:
    """A Django database entry from `postgresql://user:password@host:port/name?sslmode=require`."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise env.BadSetting("DATABASE_URL", parts.scheme + "://…", "a postgresql:// address")
    options = dict(parse_qsl(parts.query))
    return _entry(
        host=options.pop("host", unquote(parts.hostname or "")),
        port=str(parts.port or ""),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        name=unquote(parts.path.lstrip("/")) or DATABASE_NAME_DEFAULT,
        options=options,
    )


def _entry(host: str, port: str, user: str, password: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": host,
        "PORT": port,
        "USER": user,
        "PASSWORD": password,
        "NAME": name,
        "OPTIONS": dict(options),
        "TIME_ZONE": None,
        "ATOMIC_REQUESTS": False,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


def databases(data: Path, secret_key: str) -> dict[str, dict[str, Any]]:
    """Django's DATABASES for this process."""
    url = env.text("DATABASE_URL")
    if url:
        owner = from_url(url)
        web_url, worker_url = env.text("DATABASE_WEB_URL"), env.text("DATABASE_WORKER_URL")
        web = from_url(web_url) if web_url else _as(owner, "ph_web", secret_key)
        worker = from_url(worker_url) if worker_url else _as(owner, "ph_worker", secret_key)
    else:
        from pilothouse.kernel.base.postgres import EmbeddedPostgres

        socket = str(EmbeddedPostgres(data).socket_folder)
        name = env.text("DATABASE_NAME", DATABASE_NAME_DEFAULT)
        owner, web, worker = (
            _entry(socket, "5432", user, "", name, {}) for user in ("postgres", "ph_web", "ph_worker")
        )
    size = env.integer("DATABASE_POOL_SIZE", POOL_MAX_CONNECTIONS, 1, 1000)
    if env.boolean("DATABASE_POOL", True):
        for entry in (web, worker):
            entry["OPTIONS"]["pool"] = {
                "min_size": 1, "max_size": size, "timeout": POOL_WAIT_S, "reconnect_timeout": RECONNECT_S,
            }  # fmt: skip
    return {"default": web, "worker": worker, "owner": owner}


def _as(owner: dict[str, Any], role: str, secret_key: str) -> dict[str, Any]:
    return {**owner, "USER": role, "PASSWORD": password_of(role, secret_key), "OPTIONS": dict(owner["OPTIONS"])}
