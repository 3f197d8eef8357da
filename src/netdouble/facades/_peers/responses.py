"""responses: no pytest plugin of its own."""

from netdouble.facades._peers import Peer

PEER = Peer("responses", {"responses": "netdouble.facades.responses"})
