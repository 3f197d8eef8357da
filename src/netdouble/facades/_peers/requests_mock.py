"""requests-mock: a fixture and an ini name."""

from netdouble.facades._peers import Peer

PEER = Peer(
    "requests_mock",
    {"requests_mock": "netdouble.facades.requests_mock"},
    "netdouble.facades.requests_mock.contrib._pytest_plugin",
    "requests_mock",
)
