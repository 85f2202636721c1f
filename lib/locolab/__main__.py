"""``python -m locolab``: the command line."""

import sys

from locolab.run.cli import main

if __name__ == "__main__":
    sys.exit(main())
