"""aioresponses: no pytest plugin of its own."""

from netdouble.facades._peers import Peer

PEER = Peer("aioresponses", {"aioresponses": "netdouble.facades.aioresponses"})
