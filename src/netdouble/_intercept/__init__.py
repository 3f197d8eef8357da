"""ATTACH: one file for one client library, all that netdouble knows of that client."""
