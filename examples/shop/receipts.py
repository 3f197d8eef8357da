"""Receipts in an S3 bucket, through boto3."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config

STORAGE = "https://storage.shop.test"
BUCKET = "receipts"


class Receipts:
    """The bucket of receipts."""

    def __init__(self, endpoint: str = STORAGE) -> None:
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="eu-central-1",
            aws_access_key_id="shop",
            aws_secret_access_key="an-access-key",  # noqa: S106  # a made-up key
            config=Config(s3={"addressing_style": "path"}),
        )

    def save(self, order_id: str, receipt: dict[str, Any]) -> str:
        """Upload one receipt; its ETag."""
        body = json.dumps(receipt).encode()
        saved = self._s3.put_object(Bucket=BUCKET, Key=f"{order_id}.json", Body=body, ContentType="application/json")
        return str(saved["ETag"]).strip('"')
