"""The user service, on requests. It is flaky, so urllib3's own Retry tries again."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

USERS = "https://users.shop.test"
FLAKY = Retry(total=3, backoff_factor=0.5, status_forcelist=(502, 503, 504))


class UsersDown(Exception):
    """The user service could not be reached, or kept failing."""


class Users:
    """A client of the user service.

    Args:
        base_url: where it is. timeout: seconds, for connecting and for each read.
    """

    def __init__(self, base_url: str = USERS, timeout: float = 5.0) -> None:
        self._base_url, self._timeout = base_url, timeout
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        self._session.mount("https://", HTTPAdapter(max_retries=FLAKY))

    def fetch(self, user_id: int) -> dict[str, Any] | None:
        """One user, or None when there is none of that id.

        Raises:
            UsersDown: after three retries.
        """
        try:
            response = self._session.get(f"{self._base_url}/users/{user_id}", timeout=self._timeout)
            if response.status_code == 404:
                return None
            response.raise_for_status()
        except requests.RequestException as error:
            raise UsersDown(str(error)) from error
        user: dict[str, Any] = response.json()
        return user
