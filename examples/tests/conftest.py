"""What the shop's tests share."""

from __future__ import annotations

import sys

# openai sends with httpx2, and httpx2 needs Python 3.11.
collect_ignore = ["test_assistant.py", "test_orders.py"] if sys.version_info < (3, 11) else []
