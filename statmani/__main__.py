"""``python -m statmani``."""

import sys

from statmani.cli import main

if __name__ == "__main__":
    sys.exit(main())
