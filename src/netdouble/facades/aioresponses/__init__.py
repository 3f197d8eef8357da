"""aioresponses' API on netdouble's engine: `from netdouble.facades.aioresponses import aioresponses`."""

from netdouble.facades.aioresponses import compat, core
from netdouble.facades.aioresponses.core import CallbackResult, aioresponses

__all__ = ["CallbackResult", "aioresponses", "compat", "core"]
