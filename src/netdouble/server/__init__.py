"""The loopback server: real sockets, for programs that are given a URL or a proxy. Routes are decided elsewhere."""
