"""Harnesses that try to make Workaday lose, double or garble something, and count how often they tried.

Each is run alone, `python -m chaos.kill_sweep --seed 1 --n 200`, prints its counts and its seed, and exits 1 when the
promise was broken. `python -m chaos` runs them all within a budget. With `WORKADAY_LEDGER=1` each appends its counts to
docs/reliability-ledger.jsonl, from which docs/reliability.md is made.

They need the installed package, a C compiler (the seam between program and kernel is preloaded) and Linux.
"""
