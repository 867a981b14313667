"""`python -m pilothouse.site.cli`: the same command, for processes that are started by path."""

from . import main

if __name__ == "__main__":
    main()
