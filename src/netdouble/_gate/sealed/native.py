"""Clients that reach the network without Python's sockets: what the guard inside the process does not see.

Rule: only modules that are loaded are named, each by the name under which it is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

# module -> the package's name. Each opens its connections in C, C++, Rust or Go.
CLIENTS: Mapping[str, str] = {
    "aerospike": "aerospike",
    "cassandra.io.libevwrapper": "cassandra-driver",
    "confluent_kafka": "confluent-kafka",
    "couchbase": "couchbase",
    "curl_cffi": "curl_cffi",
    "deltalake": "deltalake",
    "duckdb": "duckdb",
    "grpc._cython.cygrpc": "grpcio",
    "hf_xet": "hf-xet",
    "lance": "pylance",
    "ldap": "python-ldap",
    "MySQLdb": "mysqlclient",
    "obstore": "obstore",
    "oracledb": "oracledb",
    "polars": "polars",
    "primp": "primp",
    "psycopg2": "psycopg2",
    "psycopg_binary": "psycopg",
    "psycopg_c": "psycopg",
    "psycopg.pq.pq_ctypes": "psycopg",
    "pyarrow._fs": "pyarrow",
    "pycares": "pycares",
    "pycurl": "pycurl",
    "pylibmc": "pylibmc",
    "pymssql": "pymssql",
    "pyodbc": "pyodbc",
    "pyreqwest": "pyreqwest",
    "PyQt5.QtNetwork": "PyQt5",
    "PyQt6.QtNetwork": "PyQt6",
    "PySide6.QtNetwork": "PySide6",
    "rnet": "rnet",
    "tensorflow": "tensorflow",
    "uvloop": "uvloop",
    "wreq": "wreq",
    "zmq": "pyzmq",
}


def loaded() -> list[str]:
    """The names of those that are loaded now."""
    return sorted({name for module, name in CLIENTS.items() if module in sys.modules})
