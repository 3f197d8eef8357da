"""SPELL: protocols as bytes in and bytes out, without I/O."""
