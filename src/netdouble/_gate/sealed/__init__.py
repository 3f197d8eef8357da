"""Sealed mode (Linux): the kernel asks a supervisor before any process of the run connects or sends.

Rule 1: nothing of this package is loaded unless sealing is asked for.
Rule 2: a guard, no security boundary: it stops what code does by mistake, not what fights it.
Rule 3: what can't be judged is refused; what can't be installed is said, and leaves the run as it was.
"""
