"""What is of httpx2 alone: pytest-httpx's fork for it, and respx's form of it."""

from __future__ import annotations

import httpx2
import pytest

from netdouble.facades.pytest_httpx import HTTPXMock
from netdouble.facades.pytest_httpx.dialects import HTTPX, HTTPX2

pytest_plugins = ["pytester"]

URL = "https://api.test/x"


def test_the_fork_for_httpx2_takes_numbers_and_wants_a_response():
    mock = HTTPXMock(dialect=HTTPX2)
    scope = mock._open()
    mock.add_response(204, url=URL, match_params={"a": 1, "b": [True, None], "c": ["x"]})
    assert httpx2.get(f"{URL}?a=1&b=true&b=&c=x").status_code == 204
    mock.add_callback(lambda request: "text")
    with pytest.raises(
        httpx2.TimeoutException, match=r"^Callback registered for GET request on .* MUST return httpx2.R"
    ):
        httpx2.get(URL)
    mock._close(scope)
    with pytest.raises(AssertionError, match="angryfoxx"):
        mock._assert_options()
    assert HTTPX2.loose_params is not HTTPX.loose_params


def test_the_fixture_for_httpx2(pytester):
    pytester.makepyfile(
        """
        import httpx2, pytest, pytest_httpx2

        @pytest.mark.httpx2(base_url="https://foo.test")
        def test_marked(httpx2_mock):
            httpx2_mock.get("/") % httpx2.Response(204)
            assert httpx2.get("https://foo.test/").status_code == 204

        def test_unused(httpx2_mock):
            httpx2_mock.get("https://unused.test/")
        """
    )
    options = ("-p", "netdouble.facades", "--net-replace=pytest_httpx2", "-p", "no:randomly")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=2, errors=1)
