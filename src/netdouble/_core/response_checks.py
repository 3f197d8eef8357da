"""What can't be a response, said where it is declared."""

from __future__ import annotations

from collections.abc import Mapping

from netdouble._core.delays import check_seconds
from netdouble._core.headers import Headers, is_token
from netdouble.errors import DeclarationError


def check_status(status: object) -> None:
    """Raise DeclarationError unless `status` is one of HTTP's (RFC 9110 section 15)."""
    if isinstance(status, bool) or not isinstance(status, int):
        raise DeclarationError(f"status must be a number such as 200, not {status!r}")
    if not 100 <= status <= 599:
        raise DeclarationError(f"there is no status {int(status)}: it is 100 to 599 (RFC 9110 section 15)")


def check_final(status: int) -> None:
    """Raise DeclarationError when `status` is one that another one must follow."""
    if status < 200 and status != 101:
        raise DeclarationError(
            f"status {int(status)} can't be answered: a final status is 200 to 599, or 101 (RFC 9110 section 15). What "
            f"comes before the answer is told with it: reply(200, informational=[Response({int(status)})])"
        )


def is_bodiless(status: int) -> bool:
    """A response with that status has no body, whatever is asked (RFC 9110 section 6.4.1)."""
    return status in {204, 304} or (status < 200 and status != 101)


def check_pace(throttle: object, dribble: object, *, has_stream: bool) -> None:
    """Raise DeclarationError unless the body can come in that time."""
    if throttle is not None:
        if isinstance(throttle, bool) or not isinstance(throttle, (int, float)) or not 0 < throttle < float("inf"):
            raise DeclarationError(f"throttle= is bytes per second, more than zero, not {throttle!r}")
        if dribble is not None:
            raise DeclarationError("throttle= and dribble= both say when the body comes; keep one of them")
    if dribble is None:
        return
    if has_stream:
        raise DeclarationError("a stream has pieces of its own: put a Pause between them instead of dribble=")
    if not isinstance(dribble, tuple) or len(dribble) != 2:
        raise DeclarationError(f"dribble= is (pieces, seconds), as in dribble=(10, 1.0), not {dribble!r}")
    pieces, seconds = dribble
    if isinstance(pieces, bool) or not isinstance(pieces, int) or pieces < 2:
        raise DeclarationError(f"dribble=(pieces, seconds): 2 pieces or more, not {pieces!r}")
    check_seconds("dribble=(pieces, seconds): the second", seconds)


def check_trailers(trailers: Headers, fields: list[tuple[str, str]]) -> None:
    """Raise DeclarationError when the framing leaves no place for `trailers`."""
    if trailers.fields and any(name.lower() == "content-length" for name, _ in fields):
        raise DeclarationError(
            "trailers= follow a chunked body, and Content-Length says that it is not chunked "
            "(RFC 9112 section 6.2); drop the header"
        )


def cookie_lines(cookies: object) -> list[tuple[str, str]]:
    """The Set-Cookie lines of `cookies=`; None: not given.

    Raises:
        DeclarationError: they can't be sent (RFC 6265 section 4.1.1).
    """
    if cookies is None:
        return []
    if not isinstance(cookies, Mapping):
        raise DeclarationError(
            f'cookies= is a mapping of names to values, such as {{"session": "s3"}}, not {cookies!r:.60}'
        )
    for name, value in cookies.items():
        if not is_token(name):
            raise DeclarationError(f"cookies= has {name!r}, and no cookie has such a name (RFC 6265 section 4.1.1)")
        if not isinstance(value, str) or any(c in value for c in "\r\n\0"):
            raise DeclarationError(f"cookies= {name!r}: a value is a str of one line, not {value!r:.60}")
    return [("Set-Cookie", f"{name}={value}; Path=/") for name, value in cookies.items()]


def check_status_line(version: object, reason: object) -> None:
    """Raise DeclarationError unless that version (without its name) and reason make one (RFC 9112 section 4)."""
    digits = version.split(".") if isinstance(version, str) else ()
    if version != "1.1" and (not 1 <= len(digits) <= 2 or not all(len(x) == 1 and x.isdecimal() for x in digits)):
        raise DeclarationError(f'http_version= is "1.0", "1.1" or "2", not {version!r}')
    if reason is None:
        return
    if not isinstance(reason, str):
        raise DeclarationError(f'reason= is a str, such as "Gone Fishing", not {reason!r:.60}')
    if any(c in reason for c in "\r\n\0"):
        raise DeclarationError(f"reason= has a character that can't be sent: {reason!r}")
