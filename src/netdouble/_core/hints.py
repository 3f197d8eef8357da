"""What was probably meant: one sentence for a difference that has a known cause.

Rule 1: a hint is a test and a sentence in a table by criterion; a sentence ends in what to do.
Rule 2: where it can be asked, the route is asked: would it match if the request's path had no trailing slash?
"""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable

from netdouble._core.bodies import body_kind
from netdouble._core.masking import is_secret, masked_text, masked_url
from netdouble._core.matching import ABSENT, Mismatch
from netdouble._core.messages import Request
from netdouble._core.nearness import Near, resemblance
from netdouble._core.urls import DEFAULT_PORTS, URL
from netdouble._core.wording import name_of

Hint = Callable[[Mismatch, Near], "str | None"]

_FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")


def hints_for(mismatch: Mismatch, near: Near) -> list[str]:
    """What was probably meant, where `near` differs by `mismatch`."""
    found = [hint(mismatch, near) for hint in _HINTS.get(mismatch.criterion, ())]
    return [masked_text(text) for text in found if text]


# The URL


def is_loopback(host: str) -> bool:
    """This machine (RFC 6890; RFC 6761 section 6.3)."""
    return host in {"localhost", "::1"} or host.startswith("127.") or host.endswith(".localhost")


def _fits(near: Near, criterion: str, *, host: str | None = None, path: str | None = None) -> bool:
    """Whether `criterion` would match if the request had that host or path."""
    url = near.request.url
    asked = URL(url.scheme, host or url.host, url.port, path or url.path, url.query)
    return criterion not in {m.criterion for m in near.route.pattern.mismatches(Request(near.request.method, asked))}


def _method(mismatch: Mismatch, _: Near) -> str | None:
    if mismatch.got == "HEAD" and mismatch.expected == "GET":
        return "a GET route does not answer HEAD; declare it with net.head(...)"
    return None


def _scheme(mismatch: Mismatch, near: Near) -> str | None:
    if any(m.criterion == "host" for m in near.mismatches):
        return None
    if str(mismatch.expected).startswith("ws") != str(mismatch.got).startswith("ws"):
        return "a WebSocket is declared with net.websocket(...), a request of HTTP with a URL of http or https"
    return f'http and https are two origins; declare the route as "{mismatch.got}://..." or correct the base URL'


def _host(mismatch: Mismatch, _: Near) -> str | None:
    expected, got = str(mismatch.expected), str(mismatch.got)
    if is_loopback(expected) and is_loopback(got):
        return f"{expected} and {got} are two names of one machine, but two hosts in a URL; use one of them"
    if expected.startswith("*."):
        if got == expected[2:]:
            return f'"{expected}" is one or more labels and a dot, not the bare host; declare "{got}" as well'
        return None
    if got.endswith(f".{expected}"):
        return f'a host does not include its subdomains; for all of them write "*.{expected}"'
    for host in (expected, got):
        if "xn--" in host:
            return f'"{host}" is how "{_unicode_host(host)}" is sent (IDNA): look for a letter of another alphabet'
    if resemblance(expected, got) >= 0.8:
        return f'"{got}" looks like "{expected}": a typo in one of them?'
    return None


def _unicode_host(host: str) -> str:
    try:
        return ".".join(x[4:].encode().decode("punycode") if x.startswith("xn--") else x for x in host.split("."))
    except UnicodeError:
        return host


def _port(mismatch: Mismatch, near: Near) -> str | None:
    scheme, host, port = near.request.url.scheme, near.request.url.host, near.request.url.port
    default = DEFAULT_PORTS.get(scheme)
    shown = f"[{host}]" if ":" in host else host
    if mismatch.expected == default:
        return f'a route without a port means {default} for {scheme}; declare it as "{scheme}://{shown}:{port}/..."'
    if mismatch.got == default:
        return f"a request without a port goes to {default} for {scheme}; drop the port of the route, or send it there"
    return None


def _slash(mismatch: Mismatch, near: Near) -> str | None:
    path = near.request.url.path
    if path.endswith("/") and path != "/" and _fits(near, mismatch.criterion, path=path.rstrip("/")):
        return "a trailing slash counts: the request has one, the route has none"
    if not path.endswith("/") and _fits(near, mismatch.criterion, path=f"{path}/"):
        return "a trailing slash counts: the route has one, the request has none"
    return None


# Another path that was probably meant, and what is wrong with the one that was sent.
_MEANT: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda path: re.sub("/{2,}", "/", path), 'an empty segment counts: the request has "//"'),
    (lambda path: path.replace("%2F", "/"), "%2F is a slash inside of a segment, and no separator; send / itself"),
    (lambda path: path.partition("%3F")[0], "the request's query is part of its path: its ? was escaped to %3F"),
    (lambda path: re.sub("%25([0-9A-F]{2})", r"%\1", path), "the request's path was escaped twice (%25 is a %)"),
    (lambda path: path.replace("+", "%20"), '"+" is a space in a query only; in a path a space is %20'),
    (str.lower, "the case of a path counts: the route's is in lower case"),
)  # fmt: skip


def _meant(mismatch: Mismatch, near: Near) -> str | None:
    path = near.request.url.path
    for change, text in _MEANT:
        changed = change(path)
        if changed != path and _fits(near, mismatch.criterion, path=changed):
            return text
    return None


def _path(mismatch: Mismatch, near: Near) -> str | None:
    expected, got = str(mismatch.expected), str(mismatch.got)
    if expected.lower() == got.lower():
        return "the case of a path counts"
    if "%2F" in expected and expected.replace("%2F", "/") == got:
        return "%2F in the route is a slash inside of a segment; write / for a separator"
    if len(got) > 1 and expected.endswith(got):
        return f'the request lacks "{masked_url(expected[: -len(got)])}" in front: is it missing in the base URL?'
    head, _, rest = got[1:].partition("/")
    if rest and _fits(near, "path", path=f"/{rest}"):
        front = masked_url(f"/{head}")
        return f'the request has "{front}" in front, which the route has not: is it in the base URL?'
    if expected.lower().replace("%7b", "{").replace("%7d", "}") != expected.lower():
        return "an escaped brace is a literal one; write {name} for a field"
    return _field(expected, got)


def _field(expected: str, got: str) -> str | None:
    """A field of a template that can't take what stands in its place."""
    fields = list(_FIELD.finditer(expected))
    if not fields:
        return None
    first = fields[0][0]

    def with_fields(each: str) -> bool:
        pieces = _FIELD.split(expected)[::3]
        return re.fullmatch(each.join(map(re.escape, pieces)), got) is not None

    if with_fields("[^/]+"):
        typed = next((f[0] for f in fields if f[2] not in {None, "path"}), first)
        kind = typed.strip("{}").partition(":")[2]
        return f"{typed} takes only what {kind}() reads; for any segment write {{{typed[1:].partition(':')[0]}}}"
    if with_fields("[^/]*"):
        return f"{first} is a segment that is not empty; declare the URL without it as well"
    if with_fields(".+"):
        return f"{first} is one segment; for several write {{{fields[0][1]}:path}}"
    return None


def _regex(mismatch: Mismatch, near: Near) -> str | None:
    regex, url = mismatch.expected, str(near.request.url)
    if not isinstance(regex, re.Pattern):
        return None
    source: str = regex.pattern
    for changed, flags, text in (
        (source, re.IGNORECASE, "scheme and host of a normalised URL are in lower case, the path keeps its case"),
        (source.replace("?", r"\?"), 0, r'in a regex "?" makes optional what stands before it; write \?'),
        (source.rstrip("$"), 0, 'the query belongs to the URL: "$" stands after it'),
        (re.sub(r":(80|443)\b", "", source), 0, "a default port is no part of a normalised URL; leave it out"),
        (source.partition("#")[0], 0, "the fragment (#...) is never sent; leave it out"),
    ):
        try:
            if changed and (changed != source or flags) and re.search(changed, url, regex.flags | flags):
                return text
        except re.error:
            continue
    return None


# Names and values


def _repeated(mismatch: Mismatch, _: Near) -> str | None:
    if isinstance(mismatch.got, list) and isinstance(mismatch.expected, str):
        return f'"{mismatch.where}" comes {len(mismatch.got)} times; write a list of all its values, in order'
    if isinstance(mismatch.expected, list) and isinstance(mismatch.got, str) and "," in mismatch.got:
        return f'the request sends "{mismatch.where}" once, with commas in it; write one text'
    return None


def _query(mismatch: Mismatch, near: Near) -> str | None:
    if mismatch.expected is ABSENT and near.route.pattern.query_declared:
        return "a query in the URL must match exactly; for one that may have more write query={...}"
    names = {name for name, _ in near.request.query}
    if mismatch.got is ABSENT:
        for name in names:
            if name.lower() == mismatch.where.lower():
                return f'the case of a query key counts: the request has "{name}"'
            if name in {f"{mismatch.where}[]", mismatch.where.removesuffix("[]")}:
                return f'the request spells it "{name}"'
    return None


def _header(mismatch: Mismatch, near: Near) -> str | None:
    dashed = mismatch.where.replace("_", "-")
    if mismatch.got is ABSENT and dashed != mismatch.where and dashed in near.request.headers:
        return f'the request has "{dashed}", with dashes'
    if isinstance(mismatch.expected, str) and isinstance(mismatch.got, str):
        plain = mismatch.got.partition(";")[0].rstrip()
        if plain.lower() == mismatch.expected.lower() and plain != mismatch.got:
            return f'the value goes on after "{plain}"; write all of it, or re.compile("^{re.escape(plain)}")'
    return None


def _text(mismatch: Mismatch, _: Near) -> str | None:
    expected, got = mismatch.expected, mismatch.got
    if isinstance(expected, bytes) and isinstance(got, bytes):
        expected, got = expected.decode("latin-1"), got.decode("latin-1")
    # Of a secret nothing is told.
    if not isinstance(expected, str) or not isinstance(got, str) or is_secret(name_of(mismatch)):
        return None
    if "".join(expected.split()) == "".join(got.split()):
        return "they differ in white space only"
    # In a short text it can be seen.
    long = len(expected) > 20
    return "they differ in case only" if long and expected.lower() == got.lower() else None


# Bodies

_KEYWORDS = {"a form": "form=", "JSON": "json=", "multipart": "form= and files=", "text": "text=", "bytes": "content="}


def _other_kind(mismatch: Mismatch, near: Near) -> str | None:
    """A body of one kind against the keyword of another."""
    if mismatch.where or mismatch.criterion in {"text", "content"}:
        return None
    kind = body_kind(near.request)
    right = _KEYWORDS.get(kind)
    if right is None or f"{mismatch.criterion}=" in right:
        return None
    if mismatch.criterion == "json" and near.request.body.lstrip()[:1] in {b"{", b"["}:
        return None  # meant as JSON, and broken: the note says where
    return f"the route expects {mismatch.criterion}=, the body is {kind}; declare it with {right}"


def _json_types(mismatch: Mismatch, near: Near) -> str | None:
    expected, got = mismatch.expected, mismatch.got
    if isinstance(got, (dict, list)) and isinstance(expected, str) and expected.lstrip()[:1] in {"{", "["}:
        return "json= is the value itself, not its text: write json={...}, or text= for the body as it is"
    if isinstance(got, str) and isinstance(expected, (dict, list)) and body_kind(near.request) == "JSON":
        return "the body is JSON inside of a JSON text: was it encoded twice?" if got[:1] in {"{", "["} else None
    if not (_is_scalar(expected) and _is_scalar(got)) or type(expected) is type(got):
        return None
    sides = [each if isinstance(each, str) else jsonlib.dumps(each) for each in (expected, got)]
    if sides[0].lower() == sides[1].lower() and not is_secret(name_of(mismatch)):
        text, other = (sides[0], sides[1]) if isinstance(expected, str) else (sides[1], sides[0])
        return f'"{text}" is text, {other} is not: JSON tells them apart'
    if isinstance(expected, bool) != isinstance(got, bool) and expected == got:
        return "true and 1, false and 0 are not the same in JSON"
    return None


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float, bool))


def _complete(mismatch: Mismatch, _: Near) -> str | None:
    if mismatch.expected is ABSENT and mismatch.where:
        return f"{mismatch.criterion}= is the whole body; for a part of it write {mismatch.criterion}=partial(...)"
    return None


def _reordered(mismatch: Mismatch, near: Near) -> str | None:
    """An array whose items are all there, in another order."""
    array = _array_of(mismatch)
    found = [other for other in near.mismatches if array and _array_of(other) == array]
    if len(found) < 2 or sorted(repr(m.expected) for m in found) != sorted(repr(m.got) for m in found):
        return None
    return f"{array} has the same items in another order; the order of an array counts"


def _array_of(mismatch: Mismatch) -> str:
    item = re.fullmatch(r"(.*)\[\d+\]", mismatch.where)
    return item[1] if item and mismatch.criterion == "json" else ""


_HINTS: dict[str, tuple[Hint, ...]] = {
    "method": (_method,),
    "scheme": (_scheme,),
    "host": (_host,),
    "port": (_port,),
    "path": (_slash, _meant, _path),
    "url": (_regex, _slash, _meant),
    "query": (_query, _repeated, _text),
    "header": (_header, _repeated, _text),
    "cookie": (_text,),
    "json": (_other_kind, _json_types, _complete, _reordered, _text),
    "form": (_other_kind, _complete, _repeated, _text),
    "files": (_other_kind, _complete, _text),
    "text": (_text,),
    "content": (_text,),
}
