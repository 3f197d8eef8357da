"""boto3: objects in S3 with checksums, in one piece and in parts; items in DynamoDB. It has no async client.

Waits between its retries are skipped by `retry_wait`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zlib
from typing import Any

import boto3
import botocore.exceptions
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from netdouble import Fault, Network, Request, Response

pytestmark = pytest.mark.net(retry_wait="skip")

OBJECT = "https://s3.test/photos/{key}"
TABLE = "https://dynamodb.test/"
XML = {"Content-Type": "application/xml"}
PART = 5 * 1024 * 1024  # the least that S3 takes


def client(service: str, **config: Any) -> Any:
    config = {"s3": {"addressing_style": "path"}, **config}
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret"}
    return boto3.client(
        service, region_name="us-east-1", endpoint_url=f"https://{service}.test", config=Config(**config), **keys
    )


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def error(code: str, text: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'


def sent(request: Request) -> tuple[bytes, dict[str, str]]:
    """What an upload in aws-chunked coding carries, and its trailer."""
    assert request.headers["content-encoding"] == "aws-chunked"
    content, rest = b"", request.body
    while (size := int((line := rest.partition(b"\r\n"))[0], 16)) > 0:
        content, rest = content + line[2][:size], line[2][size + 2 :]
    fields = (field.split(":", 1) for field in line[2].decode().split("\r\n") if field)
    return content, dict(fields)


def test_what_was_put_is_got_and_both_are_checked(net: Network):
    stored: dict[str, bytes] = {}

    def put(request: Request) -> Response:
        content, trailer = sent(request)
        assert trailer == {"x-amz-checksum-sha256": sha256(content)}
        assert len(content) == int(request.headers["x-amz-decoded-content-length"])
        stored[request.path_params["key"]] = content
        return Response(headers={"ETag": '"1"', "x-amz-checksum-sha256": sha256(content)})

    def get(request: Request) -> Response:
        content = stored[request.path_params["key"]]
        return Response(content=content, headers={"ETag": '"1"', "x-amz-checksum-crc32": crc32(content)})

    upload = net.put(OBJECT, headers={"Expect": "100-continue", "Authorization": re.compile("^AWS4-HMAC-SHA256 ")})
    upload.reply(put)
    net.get(OBJECT, headers={"x-amz-checksum-mode": "ENABLED"}).reply(get)

    s3 = client("s3")
    told = s3.put_object(Bucket="photos", Key="cat", Body=io.BytesIO(b"purr" * 999), ChecksumAlgorithm="SHA256")
    assert told["ChecksumSHA256"] == sha256(b"purr" * 999)
    assert s3.get_object(Bucket="photos", Key="cat", ChecksumMode="ENABLED")["Body"].read() == b"purr" * 999


def test_a_download_that_was_altered_is_noticed(net: Network):
    net.get(OBJECT).reply(content=b"purr", headers={"x-amz-checksum-crc32": crc32(b"meow")})
    body = client("s3").get_object(Bucket="photos", Key="cat", ChecksumMode="ENABLED")["Body"]
    with pytest.raises(botocore.exceptions.FlexibleChecksumError):
        body.read()


def test_a_large_file_goes_up_in_parts_from_several_threads(net: Network):
    begin = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
    done = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
    net.post(f"{OBJECT}?uploads").reply(text=begin, headers=XML)
    part = net.put(OBJECT, query={"uploadId": "u1", "partNumber": re.compile("^[12]$")}).reply(headers={"ETag": '"p"'})
    complete = net.post(OBJECT, query={"uploadId": "u1"}).reply(text=done, headers=XML)

    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2)
    client("s3").upload_fileobj(io.BytesIO(bytes(PART + 1)), "photos", "cat", Config=config)

    assert part.count == 2
    assert complete.last.request.text.count("<PartNumber>") == 2


def test_a_listing_turns_its_pages(net: Network):
    def page(*keys: str, more: str = "") -> str:
        token = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>" if more else ""
        contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        return f"<ListBucketResult>{token}{contents}</ListBucketResult>"

    bucket = "https://s3.test/photos"
    net.get(bucket, query={"continuation-token": None}).reply(text=page("a", "b", more="next"), headers=XML)
    net.get(bucket, query={"continuation-token": "next"}).reply(text=page("c"), headers=XML)
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket="photos")
    assert [found["Key"] for page in pages for found in page["Contents"]] == ["a", "b", "c"]


def test_an_object_that_is_not_there(net: Network):
    net.get(OBJECT).reply(404, text=error("NoSuchKey", "gone"), headers=XML)
    s3 = client("s3")
    with pytest.raises(s3.exceptions.NoSuchKey, match="gone"):
        s3.get_object(Bucket="photos", Key="cat")


def test_an_upload_is_tried_again_after_slow_down_and_a_reset(net: Network):
    upload = net.put(OBJECT).reply(503, text=error("SlowDown", "wait"), headers=XML).then(Fault.RESET).then(200)
    s3 = client("s3", retries={"mode": "standard", "max_attempts": 3})
    told = s3.put_object(Bucket="photos", Key="cat", Body=io.BytesIO(b"purr"), ChecksumAlgorithm="SHA256")
    assert told["ResponseMetadata"]["RetryAttempts"] == 2
    assert [sent(call.request)[0] for call in upload.calls] == [b"purr"] * 3


def test_an_item_is_put_and_read(net: Network):
    item = {"id": {"S": "7"}, "name": {"S": "Ada"}}
    put = {"X-Amz-Target": "DynamoDB_20120810.PutItem"}
    net.post(TABLE, headers=put, json={"TableName": "users", "Item": item}).reply(json={})
    net.post(TABLE, headers={"X-Amz-Target": "DynamoDB_20120810.GetItem"}).reply(json={"Item": item})
    database = client("dynamodb")
    database.put_item(TableName="users", Item=item)
    assert database.get_item(TableName="users", Key={"id": {"S": "7"}})["Item"] == item


def test_a_condition_that_does_not_hold(net: Network):
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    net.post(TABLE).reply(400, json={"__type": kind, "message": "The conditional request failed"})
    database = client("dynamodb")
    with pytest.raises(database.exceptions.ConditionalCheckFailedException, match="conditional"):
        database.put_item(TableName="users", Item={"id": {"S": "7"}}, ConditionExpression="attribute_not_exists(id)")


def test_a_throttled_table_and_a_corrupt_answer_are_asked_again(net: Network):
    kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    read = net.post(TABLE).reply(400, json={"__type": kind, "message": "slow down"})
    read.then(json={"Item": {}}, headers={"x-amz-crc32": "1"})
    read.then(content=b'{"Item": {}}', headers={"x-amz-crc32": str(zlib.crc32(b'{"Item": {}}'))})
    told = client("dynamodb").get_item(TableName="users", Key={"id": {"S": "7"}})
    assert told["ResponseMetadata"]["RetryAttempts"] == 2
    assert read.count == 3
