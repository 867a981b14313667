"""`python -m pilothouse.site.cli`: the same command, for processes that are started by path."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
