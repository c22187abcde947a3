"""``python -m rampdeck`` and the ``rampdeck`` command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    from rampdeck.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
