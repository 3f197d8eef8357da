"""ADMIT: every connect and lookup of the process passes here."""

# In the environment of a sealed run: the supervisor's address, `:`, and the process that last told what holds (or 0).
SEALED_VARIABLE = "NETDOUBLE_SEALED"
