"""Every address that the site serves, found from the router and the resolver and never from a list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

PARAMETER = re.compile(r"<(?:[a-z]+:)?(\w+)>|{(\w+)}|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Address:
    """One address: `/batches/{public_id}/`, the module of its view, and the API's methods (none for a page)."""

    path: str
    module: str
    methods: frozenset[str] = frozenset()
    query: tuple[str, ...] = ()

    @property
    def parameters(self) -> list[str]:
        """The names of what stands in braces."""
        return re.findall(r"{(\w+)}", self.path)

    def filled(self, values: dict[str, str]) -> str:
        """The address with these values."""
        return re.sub(r"{(\w+)}", lambda found: values[found[1]], self.path)


def addresses(urlconf: str = "pilothouse.site.urls") -> list[Address]:
    """Every address of a process, by path."""
    found: dict[str, Address] = {}
    for address in _walk(get_resolver(urlconf).url_patterns, "/"):
        # Of two patterns of one address the first one serves it.
        found.setdefault(address.path, address)
    return [found[path] for path in sorted(found)]


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[Address]:
    for pattern in patterns:
        text = str(pattern.pattern).strip("^$").replace("\\Z", "")
        path = PARAMETER.sub(lambda found: "{" + next(name for name in found.groups() if name) + "}", before + text)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
            continue
        view = pattern.callback
        path_view = _ninja_view(view)
        if path_view is not None:
            operations = path_view.operations
            methods = frozenset(method for operation in operations for method in operation.methods)
            query = tuple(
                sorted({
                    field.alias or name
                    for operation in operations
                    for model in operation.models
                    if model.__ninja_param_source__ == "query"
                    for name, field in model.model_fields.items()
                })
            )  # fmt: skip
            yield Address(path, "api", methods, query)
        else:
            yield Address(path, getattr(view, "__module__", ""))


def _ninja_view(view: object) -> Any:
    """The PathView behind a view of django-ninja, which hides it in a closure."""
    for cell in getattr(view, "__closure__", None) or ():
        if type(cell.cell_contents).__name__ == "PathView":
            return cell.cell_contents
    return None
