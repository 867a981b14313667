# syntax=docker/dockerfile:1
# One image for web, live, worker and migrate: `docker run IMAGE pilothouse web` and so on.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/pilothouse
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN /opt/pilothouse/bin/pip install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
COPY pyproject.toml README.md ./
COPY src src
COPY docs docs
RUN /opt/pilothouse/bin/pip install --no-deps --no-build-isolation . \
    && /opt/pilothouse/bin/pip uninstall --yes hatchling editables

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home pilothouse
COPY --from=build /opt/pilothouse /opt/pilothouse
ENV PATH=/opt/pilothouse/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('HEALTH_PORT', '8000') + '/healthz', timeout=4)"]
CMD ["pilothouse", "web"]
