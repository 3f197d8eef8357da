"""Which files of this folder can run here, and how long the SDKs wait between their retries."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import pytest

# These SDKs stand on httpx2, which needs Python 3.11; everything else runs on all Pythons.
NEED_311 = ["test_anthropic.py", "test_broken_streams.py", "test_huggingface_hub.py", "test_openai.py"]
collect_ignore = NEED_311 if sys.version_info < (3, 11) else []

# Waits that an SDK writes itself: `retry_wait="skip"` knows the clients' waits, not these. A constant of its own where
# it has one, else the module whose `sleep` it calls.
CONSTANTS = (
    ("openai._base_client", "INITIAL_RETRY_DELAY"),
    ("anthropic._base_client", "INITIAL_RETRY_DELAY"),
    ("stripe._http_client", "HTTPClient.INITIAL_DELAY"),
    ("stripe._http_client", "HTTPClient.MAX_DELAY"),
)
CLOCKS = (
    ("huggingface_hub.utils._http", "time"),
    ("huggingface_hub.file_download", "time"),
    ("slack_sdk.http_retry.builtin_handlers", "time"),
    ("slack_sdk.http_retry.builtin_async_handlers", "asyncio"),
)


class Unhurried:
    """A module whose `sleep` takes no time."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def sleep(self, _: float) -> Any:
        return self._module.sleep(0)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in CONSTANTS:
        if _is_loaded(module):
            monkeypatch.setattr(f"{module}.{name}", 0.001)
    for module, name in CLOCKS:
        if _is_loaded(module):
            monkeypatch.setattr(f"{module}.{name}", Unhurried(getattr(import_module(module), name)))


@pytest.fixture(autouse=True)
def _no_news_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub asks huggingface.co once a process which coding agents there are, whatever its endpoint is."""
    if _is_loaded("huggingface_hub"):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)


def _is_loaded(module: str) -> bool:
    return module.partition(".")[0] in sys.modules
