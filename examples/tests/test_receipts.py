"""Receipts: boto3, with the XML errors of S3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from netdouble import Network
from shop.receipts import STORAGE, Receipts

DENIED = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"


def test_a_receipt_is_put_under_its_order(net: Network) -> None:
    put = net.put(f"{STORAGE}/receipts/{{key}}").reply(headers={"ETag": '"e-1"'})

    assert Receipts().save("o-1", {"cents": 995}) == "e-1"
    assert put.last.request.path_params == {"key": "o-1.json"}


def test_a_denied_upload_is_botocore_own_error(net: Network) -> None:
    net.put(f"{STORAGE}/receipts/o-1.json").reply(403, content=DENIED.encode())

    with pytest.raises(ClientError, match="AccessDenied"):
        Receipts().save("o-1", {"cents": 995})
