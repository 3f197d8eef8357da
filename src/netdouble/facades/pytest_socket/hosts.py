"""pytest-socket's helpers about hosts: which are allowed, under which addresses."""

from __future__ import annotations

import ipaddress
import socket
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_ipaddress(address: str) -> bool:
    """It is an IP address."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def host_from_address(address: tuple[Any, ...]) -> str | None:
    """The host of a socket address; None when it is no text."""
    host = address[0]
    return host if isinstance(host, str) else None


def host_from_connect_args(args: tuple[Any, ...]) -> str | None:
    """The host that the arguments of `connect` name; None when they name none."""
    address = args[0]
    return host_from_address(address) if isinstance(address, tuple) else None


def resolve_hostnames(hostname: str) -> set[str]:
    """The addresses of a name, by a real lookup; none when there are none."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(hostname, None)}
    except OSError:
        return set()


def normalize_allowed_hosts(
    allowed_hosts: Iterable[str], resolution_cache: dict[str, set[str]] | None = None
) -> dict[str, set[str]]:
    """Each host with its addresses; an address is its own.

    Args:
        allowed_hosts: names and addresses. resolution_cache: lookups that were done, and where new ones are kept.
    """
    cache = {} if resolution_cache is None else resolution_cache
    found: defaultdict[str, set[str]] = defaultdict(set)
    for spelled in allowed_hosts:
        host = spelled.strip()
        if is_ipaddress(host):
            found[host] = {host}
            continue
        if host not in cache:
            cache[host] = resolve_hostnames(host)
        found[host].update(cache[host])
    return found


def _partition_allowed(allowed: Iterable[str]) -> tuple[list[str], list[Network]]:
    """Hosts, and blocks of addresses."""
    hosts: list[str] = []
    networks: list[Network] = []
    for spelled in allowed:
        entry = spelled.strip()
        network = _network(entry) if "/" in entry else None
        if network is None:
            hosts.append(entry)
        else:
            networks.append(network)
    return hosts, networks


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


class Allowed:
    """What may be connected to.

    Attributes:
        shown: as messages list it.
    """

    def __init__(self, entries: list[str], resolution_cache: dict[str, set[str]] | None = None) -> None:
        hosts, self._networks = _partition_allowed(entries)
        known = normalize_allowed_hosts(hosts, resolution_cache)
        self._names = set(known).union(*known.values())
        self.shown = sorted([*map(_shown, known.items()), *map(str, self._networks)])

    def takes(self, host: str | None) -> bool:
        """That host or address may be."""
        if host is None:
            return False
        plain = host.partition("%")[0].lower()
        if host in self._names or plain in self._names:
            return True
        if not self._networks or not is_ipaddress(plain):
            return False
        address = ipaddress.ip_address(plain)
        mapped = getattr(address, "ipv4_mapped", None)
        return any(address in network or (mapped is not None and mapped in network) for network in self._networks)


def _shown(item: tuple[str, set[str]]) -> str:
    host, addresses = item
    return host if is_ipaddress(host) else f"{host} ({','.join(sorted(addresses))})"
