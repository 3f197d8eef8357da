"""A small web shop that talks to five services through five HTTP clients, as a real application does.

Nothing here knows netdouble: `examples/tests` shows how the whole of it is tested without a network.
"""
