"""`python -m rampdeck.demo`: a demo stack until standard input ends; its endpoints as one line of JSON."""

from __future__ import annotations

import argparse
import sys

from rampdeck.demo.faults import FAULTS
from rampdeck.demo.supervisor import PARTS, Supervisor, say
from rampdeck.errors import DemoError


def main() -> int:
    """Run one stack; 1 when it cannot be started, with the reason as the last lines of standard error."""
    parser = argparse.ArgumentParser(prog="python -m rampdeck.demo", description=__doc__)
    parser.add_argument("--without", action="append", default=[], choices=PARTS, help="leave a part out")
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS, help="break something")
    options = parser.parse_args()
    try:
        Supervisor(options.without, options.fault).run()
    except DemoError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
