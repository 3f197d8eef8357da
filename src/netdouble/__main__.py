"""`python -m netdouble` is the command `netdouble`."""

import sys

from netdouble.cli import main

sys.exit(main())
