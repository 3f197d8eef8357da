"""Clients whose sockets are not Python's: C and Rust. They are led to a proxy of the network, one file for each."""
