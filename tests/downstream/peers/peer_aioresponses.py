"""aioresponses, on two versions of aiohttp; three of its tests ask httpbin.org, which stands on the loopback here."""

from run import Suite

SUITE = Suite(
    distribution="aioresponses",
    version="0.7.9",
    replaces="aioresponses",
    needs=("pytest", "pytest-asyncio", "ddt", "packaging", "trustme", "pytest-timeout"),
    variants={"aiohttp 3.13": ("aiohttp~=3.13.0",), "aiohttp 3.14": ("aiohttp~=3.14.0",)},
    arguments=("-p", "httpbin_here", "-W", "ignore", "--timeout=60"),
    baseline=(84, 84),
    goal=84,
)
