"""`python -m playtape` is `playtape`."""

import sys

from playtape.cli import main

if __name__ == "__main__":
    sys.exit(main())
