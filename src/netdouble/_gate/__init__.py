"""ADMIT: every connect and lookup of the process passes here."""
