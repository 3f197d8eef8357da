"""A plugin of pytest: the suite's tests are a part of the peer's package, as in its distribution."""

import os
from importlib import import_module


def pytest_configure() -> None:
    import_module(os.environ["PEER_NAME"]).__path__.append(os.environ["PEER_BELOW"])
