"""The process tree of one machine: database, web, live and worker, started, watched and ended together."""

from pilothouse.site.tree.folder import running
from pilothouse.site.tree.spec import ProcessSpec
from pilothouse.site.tree.tree import Tree

__all__ = ["ProcessSpec", "Tree", "running"]
