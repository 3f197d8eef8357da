"""Which files of this folder can run here."""

from __future__ import annotations

import sys

# openai 3 stands on httpx2, and both need Python 3.11.
collect_ignore = ["test_openai.py"] if sys.version_info < (3, 11) else []
