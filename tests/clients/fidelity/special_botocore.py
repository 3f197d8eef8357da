"""What boto3's clients make of it: a service's response, its errors, its tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore
import botocore.config
import botocore.session
from tests.clients.fidelity.oracle import At
from tests.clients.fidelity.showing import Shown, Special, plain, told

from netdouble import Fault, Response

BUCKET = "/bucket/key"
ERROR = "<Error><Code>{0}</Code><Message>said so</Message><RequestId>r</RequestId></Error>"


def special(name: str, answers: list[Response | Fault], ask: Callable[[Any], Any]) -> Special:
    """A row: what an S3 client gives or raises."""

    def look(client: Any, at: At) -> Shown:
        config = botocore.config.Config(
            signature_version=botocore.UNSIGNED, s3={"addressing_style": "path"}, read_timeout=0.5,
            retries={"total_max_attempts": 2, "mode": "legacy"},
        )  # fmt: skip
        made = botocore.session.get_session().create_client(
            "s3", region_name="eu-west-1", endpoint_url=at(""), config=config
        )
        try:
            return {"shown": plain(ask(made))}
        except Exception as error:
            return {"error": told(error), "response": plain(getattr(error, "response", None))}

    return Special(name, lambda at: {BUCKET: answers}, look)


def _got(client: Any) -> Any:
    answer = client.get_object(Bucket="bucket", Key="key")
    body = answer.pop("Body")
    return sorted(answer.items()), body.read(3), list(body.iter_chunks(4))


SPECIALS = (
    special("an object", [Response(content=b"0123456789", headers={"ETag": '"e"', "x-amz-meta-a": "1"})], _got),
    special("an object that breaks off", [Fault.TRUNCATED_BODY], _got),
    special("an object put", [Response(headers={"ETag": '"e"'})],
            lambda client: client.put_object(Bucket="bucket", Key="key", Body=b"body", ContentType="text/plain")),
    special("an object that is missing", [Response(404, content=ERROR.format("NoSuchKey").encode())], _got),
    special("an object's head", [Response(headers={"Content-Length": "10"})],
            lambda client: client.head_object(Bucket="bucket", Key="key")),
    special("a refusal", [Response(403, content=ERROR.format("AccessDenied").encode())], _got),
)  # fmt: skip
