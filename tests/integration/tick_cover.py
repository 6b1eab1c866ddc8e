"""Do the rows of a ledger decide the oracle's ticks, each exactly once? Whatever the policies made of them.

A row speaks of one tick, or of a range of them (first, last, count). Rows in order have to cover the ticks without a gap,
an overlap or a tick of their own making.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

Row = tuple[int, int, int]
"""(first, last, count), in microseconds"""


def faults(ticks: Sequence[int], rows: Sequence[Row]) -> list[str]:
    """One line for each tick that is decided never, twice, or at an instant that is none. `ticks`: up to the cursor."""
    found, place = [], 0
    for first, last, count in sorted(rows):
        at = bisect_left(ticks, first)
        if at == len(ticks) or ticks[at] != first:
            found.append(f"no tick at {first}")
            continue
        if at > place:
            found.append(f"never decided: {list(ticks[place:at])}")
        elif at < place:
            found.append(f"decided twice: from {first}")
        end = at + count - 1
        if end >= len(ticks) or ticks[end] != last:
            found.append(f"{count} ticks from {first} do not end at {last}")
        place = max(place, end + 1)
    if place < len(ticks):
        found.append(f"never decided: {list(ticks[place:])}")
    return found
