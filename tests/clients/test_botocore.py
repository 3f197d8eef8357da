"""botocore, through boto3: uploads that wait for 100 Continue, its retries, its exceptions."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from netdouble import Fault, Network, UnmatchedRequest, _active

BUCKET = "https://bucket.s3.amazonaws.com"


@pytest.fixture
def net() -> Iterator[Network]:
    with Network(retry_wait="skip") as opened:
        yield opened


def s3(**config: Any) -> Any:
    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y",
                        config=botocore.config.Config(**config))  # fmt: skip


def test_an_upload_does_not_wait_a_second_for_100_continue(net):
    route = net.put(f"{BUCKET}/key").reply(headers={"ETag": '"e"'})
    client = s3()
    begun = time.monotonic()
    for _ in range(5):
        assert client.put_object(Bucket="bucket", Key="key", Body=b"content")["ETag"] == '"e"'
        assert client.put_object(Bucket="bucket", Key="key", Body=io.BytesIO(b"content"))["ETag"] == '"e"'
    assert time.monotonic() - begun < 9
    request = route.last.request
    assert request.headers["expect"] == "100-continue"
    assert b"content" in request.body
    assert request.client == f"botocore {botocore.__version__}"
    assert route.count == 10


def test_a_download_streams(net):
    net.get(f"{BUCKET}/key").reply(content=b"content")
    assert s3().get_object(Bucket="bucket", Key="key")["Body"].read() == b"content"


def test_a_managed_upload_with_its_own_threads_finds_the_network(net):
    route = net.put(f"{BUCKET}/key").reply(headers={"ETag": '"e"'})
    s3().upload_fileobj(io.BytesIO(b"content"), "bucket", "key")
    assert route.count == 1


def test_an_error_of_the_service_is_botocores_own(net):
    xml = "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"
    net.get(f"{BUCKET}/key").reply(404, text=xml, headers={"Content-Type": "application/xml"})
    client = s3()
    with pytest.raises(client.exceptions.NoSuchKey, match="gone"):
        client.get_object(Bucket="bucket", Key="key")


@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize("failure", [Fault.CONNECT_REFUSED, Fault.EMPTY_RESPONSE, Fault.READ_TIMEOUT])
def test_botocore_retries_and_its_waits_can_be_skipped(net, monkeypatch, mode, failure):
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    route = net.get(f"{BUCKET}/key").fail(failure).then(503).then(content=b"x")
    client = s3(retries={"mode": mode, "max_attempts": 4})
    assert client.get_object(Bucket="bucket", Key="key")["Body"].read() == b"x"
    assert waits == []
    assert route.count == 3


def test_botocore_s_waits_are_counted_when_they_are_real(monkeypatch):
    monkeypatch.setattr("random.random", lambda: 0.05)
    with Network() as net:
        net.get(f"{BUCKET}/key").reply(503).then(content=b"x")
        s3(retries={"mode": "legacy"}).get_object(Bucket="bucket", Key="key")
        assert 0.04 < _active.current().retry_seconds < 1


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_an_unmatched_request_is_neither_retried_nor_wrapped(net, mode):
    with pytest.raises(UnmatchedRequest, match="no route answers") as caught:
        s3(retries={"mode": mode, "max_attempts": 4}).get_object(Bucket="bucket", Key="key")
    assert "test_botocore.py" in caught.value.caller
    assert net.count == 1


def test_an_exception_of_botocore_reaches_the_caller_as_it_was_declared(net):
    error = botocore.exceptions.EndpointConnectionError(endpoint_url="mine")
    net.get(f"{BUCKET}/key").fail(error)
    with pytest.raises(botocore.exceptions.EndpointConnectionError, match="mine"):
        s3(retries={"max_attempts": 0}).get_object(Bucket="bucket", Key="key")


def test_what_a_function_raises_is_not_wrapped(net):
    def answer(request: object) -> None:
        raise LookupError("mine")

    net.get(f"{BUCKET}/key").reply(answer)
    with pytest.raises(LookupError, match=r"^'mine'$|^mine$"):
        s3().get_object(Bucket="bucket", Key="key")


def test_a_request_through_a_proxy_matches_by_its_target(net):
    net.get(f"{BUCKET}/key").reply(content=b"x")
    client = s3(proxies={"https": "http://proxy.test:3128"})
    assert client.get_object(Bucket="bucket", Key="key")["Body"].read() == b"x"
