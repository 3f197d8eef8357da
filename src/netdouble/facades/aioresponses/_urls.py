"""Who is meant: aioresponses' URLs as patterns of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yarl import URL  # noqa: TC002  # as TC001

from netdouble._core.matching import MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.url_patterns import SplitUrl, UrlPattern, query_key
from netdouble._core.urls import parse_url
from netdouble.facades.aioresponses.compat import normalize_url


@dataclass(frozen=True, slots=True)
class MatchedUrl(UrlPattern):
    """A regex that must match from the beginning of the URL, its query in order."""

    text: str
    regex: re.Pattern[str]

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One mismatch, of the whole URL."""
        shown = request.native.options.get("shown") if request.native is not None else None
        url = str(shown if shown is not None else normalize_url(str(request.url)))
        return MATCHED if self.regex.match(url) else (Mismatch("url", self.regex, url),)


def pattern_of(url: URL | str | re.Pattern[str]) -> UrlPattern:
    """The pattern: the whole URL with its query, in any order; a fragment is never sent, and does not count.

    Raises:
        ValueError: it is no absolute URL.
    """
    if isinstance(url, re.Pattern):
        return MatchedUrl(url.pattern, url)
    text: Any = str(url)
    parsed = parse_url(text)
    return SplitUrl(text, parsed.scheme, parsed.host, parsed.port, parsed.path, query_key(parsed))
