"""What aiohttp's tracing is told of a lookup that a connection in memory does not make.

Rule: the events of `TCPConnector._resolve_host` (aiohttp 3.14.5, connector.py) in their order; nobody is asked, and the
connector's own cache is left alone: what it holds would be used for real connections.
"""

from __future__ import annotations

from typing import Any

_LOOKED_UP = "_netdouble_looked_up"


async def tell_lookup(connector: Any, req: Any, traces: Any) -> None:
    """Send the events for the host that `req` would connect to; aiohttp tells of no proxy's."""
    url, host = req.url, req.url.raw_host
    if req.proxy is not None or ":" in host or host.replace(".", "").isdigit():  # no name, but an address
        return
    cached = connector._use_dns_cache
    known = vars(connector).setdefault(_LOOKED_UP, set())
    if cached and (host, url.port) in known:
        for trace in traces:
            await trace.send_dns_cache_hit(host)
        return
    known.add((host, url.port))
    for trace in traces if cached else ():
        await trace.send_dns_cache_miss(host)
    for trace in traces:
        await trace.send_dns_resolvehost_start(host)
    for trace in traces:
        await trace.send_dns_resolvehost_end(host)
