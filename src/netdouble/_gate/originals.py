"""What the wire needs of the standard library, kept from the start of the process.

Rule: loaded with the guard, before a test can freeze, count or replace any of it.
"""

from __future__ import annotations

import os as _os
import select as _select
import threading as _threading
import time as _time

Thread = _threading.Thread
sleep = _time.sleep
poll = getattr(_select, "poll", None)  # not on Windows
select = _select.select


def now() -> float:
    """Seconds on a clock that nobody stops: freezegun and time-machine replace those of `time`."""
    return _os.times().elapsed
