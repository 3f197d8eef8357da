"""What netdouble costs, beside its peers, in the same process and the same minute.

`python -m benchmarks` runs every row and prints the tables; `python -m benchmarks.call_httpx` runs one. `make bench`
makes the environment with the peers first.

Rule 1: a ratio counts, not a time: what is compared runs in turns, block by block, and medians are taken.
Rule 2: a peer that is not installed is left out; netdouble and the floors are always there.
Rule 3: `--short` runs every row with a few calls and judges no time.
"""
