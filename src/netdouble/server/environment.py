"""The environment in which another program goes through the proxy and trusts its certificates.

Rule: one table. What a program reads is its own matter; a variable that nobody reads does no harm.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# Where a program is told of the proxy. curl reads `http_proxy` in lower case only.
PROXY: tuple[str, ...] = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

# Files with all the authorities to trust: ours and the system's.
WHOLE_BUNDLE = (
    "SSL_CERT_FILE",  # OpenSSL, Go, Ruby, httpx
    "REQUESTS_CA_BUNDLE",  # requests
    "CURL_CA_BUNDLE",  # curl
    "AWS_CA_BUNDLE",  # botocore, the AWS CLI
    "GIT_SSL_CAINFO",  # git
    "PIP_CERT",  # pip
    "CARGO_HTTP_CAINFO",  # cargo
    "HTTPLIB2_CA_CERTS",  # httplib2
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",  # gRPC
    "PERL_LWP_SSL_CA_FILE",  # Perl's LWP
)
# Files with authorities to trust besides those that are built in.
ADDED = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")

_NODE_PRELOAD = Path(__file__).with_name("node_proxy.cjs")


def proxy_variables(url: str, ca_file: str, bundle_file: str, around: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables for a proxy at `url`.

    Args:
        ca_file: our authority alone. bundle_file: ours and the system's. around: the environment to be added to.
    """
    said = dict.fromkeys(PROXY, url)
    said["NO_PROXY"] = ""  # every host, loopback too: what is allowed is let through by the proxy
    found = {**said, **{name.lower(): value for name, value in said.items()}}
    found.update(dict.fromkeys(WHOLE_BUNDLE, bundle_file))
    found.update(dict.fromkeys(ADDED, ca_file))
    found["NODE_USE_ENV_PROXY"] = "1"  # node from 22.21 and 24; the preloaded file does it for those before
    preload = f'--require="{_NODE_PRELOAD.as_posix()}"'
    before = around.get("NODE_OPTIONS", "")
    found["NODE_OPTIONS"] = before if preload in before else f"{before} {preload}".strip()
    return found
