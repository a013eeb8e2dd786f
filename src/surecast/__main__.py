"""``python -m surecast``: the same as the command ``surecast``."""

import sys

from surecast.cli import main

if __name__ == "__main__":
    sys.exit(main())
