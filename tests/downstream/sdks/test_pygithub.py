"""PyGithub, which stands on requests with a `Retry` of its own: pages, rate limits of both kinds, its errors.

It has no async client.
"""

from __future__ import annotations

import time
from typing import Any

import github
import pytest

from netdouble import Fault, Network

pytestmark = pytest.mark.net(retry_wait="skip")

API = "https://api.github.test"
REPO = f"{API}/repos/ada/engine"
ENGINE = {"id": 1, "name": "engine", "full_name": "ada/engine", "url": REPO}


def client(**options: Any) -> github.Github:
    options = {"retry": github.GithubRetry(total=3), **options}
    return github.Github(auth=github.Auth.Token("ghp_test"), base_url=API, seconds_between_requests=None,
                         seconds_between_writes=None, **options)  # fmt: skip


def issue(number: int) -> dict[str, Any]:
    return {"id": number, "number": number, "title": f"Issue {number}", "url": f"{REPO}/issues/{number}"}


def test_issues_are_read_page_by_page(net: Network):
    net.get(REPO, headers={"Authorization": "token ghp_test"}).reply(json=ENGINE)
    following = {"Link": f'<{REPO}/issues?state=open&page=2>; rel="next", <{REPO}/issues?page=2>; rel="last"'}
    net.get(f"{REPO}/issues", query={"page": None}).reply(json=[issue(1), issue(2)], headers=following)
    net.get(f"{REPO}/issues", query={"page": 2}).reply(json=[issue(3)])
    with client() as hub:
        assert [found.number for found in hub.get_repo("ada/engine").get_issues(state="open")] == [1, 2, 3]


def test_an_issue_is_opened(net: Network):
    net.get(REPO).reply(json=ENGINE)
    opened = net.post(f"{REPO}/issues", json={"title": "Steam", "labels": ["bug"]}).reply(201, json=issue(4))
    with client() as hub:
        assert hub.get_repo("ada/engine").create_issue("Steam", labels=["bug"]).number == 4
    assert opened.last.request.client.startswith("requests ")


def test_a_repository_that_is_not_there(net: Network):
    net.get(REPO).reply(404, json={"message": "Not Found"})
    with client() as hub, pytest.raises(github.UnknownObjectException, match="Not Found"):
        hub.get_repo("ada/engine")


def test_it_waits_an_hour_for_the_rate_limit_to_be_reset(net: Network):
    limited = {"message": "API rate limit exceeded for user ID 1."}
    reset = {"X-RateLimit-Reset": str(int(time.time()) + 3600), "X-RateLimit-Remaining": "0"}
    repo = net.get(REPO).reply(403, json=limited, headers=reset).then(json=ENGINE)
    with client() as hub:
        assert hub.get_repo("ada/engine").name == "engine"
    assert repo.count == 2


def test_it_waits_as_the_second_rate_limit_says_and_through_an_outage(net: Network):
    slow_down = {"message": "You have exceeded a secondary rate limit."}
    repo = net.get(REPO).reply(403, json=slow_down).then(403, json=slow_down, headers={"Retry-After": "60"})
    repo.then(502).then(json=ENGINE)
    with client() as hub:
        assert hub.get_repo("ada/engine").name == "engine"
    assert [call.status for call in repo.calls] == [403, 403, 502, 200]


def test_it_gives_up_when_the_wait_is_longer_than_allowed(net: Network):
    limited = {"message": "API rate limit exceeded for user ID 1."}
    net.get(REPO).reply(403, json=limited, headers={"X-RateLimit-Reset": str(int(time.time()) + 3600)})
    with client(retry=None) as hub, pytest.raises(github.RateLimitExceededException, match="rate limit exceeded"):
        hub.get_repo("ada/engine")


def test_a_lost_connection_is_tried_again(net: Network):
    repo = net.get(REPO).fail(Fault.CONNECT_REFUSED).then(Fault.EMPTY_RESPONSE).then(json=ENGINE)
    with client() as hub:
        assert hub.get_repo("ada/engine").name == "engine"
    assert repo.count == 3
