"""Every test of the server leaves what it found: the threads, the descriptors, the registered addresses."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator

import pytest

from netdouble import _active


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def settled(count, limit: int) -> int:
    """`count()`, given time to come down to `limit`: a client's own threads end when they like."""
    for _ in range(200):
        if count() <= limit:
            break
        gc.collect()
        time.sleep(0.01)
    return count()


def ours() -> int:
    return sum(thread.name.startswith("netdouble") for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    standing = set(_active.own_servers)  # a file's own server may outlive its tests
    threads, of_ours, open_before = threading.active_count(), ours(), descriptors()
    yield
    assert _active.own_servers == standing
    assert (ours() if not standing else settled(ours, of_ours)) <= of_ours
    assert settled(threading.active_count, threads) <= threads
    assert settled(descriptors, open_before + 8) <= open_before + 8  # a client may load a library meanwhile
