"""After a fault: the client repeats itself with the same ids, the supervisor runs the rest, and the sum must be right."""

from __future__ import annotations

from pathlib import Path

from chaos.check import Seen
from chaos.scene import ClientServer, Fault
from chaos.told import Told


def enqueue_again(client: ClientServer, folder: Path, told: Told, where: str) -> list[str]:
    """The same ids once more, as a caller does whose answer was lost. None may make a second job."""
    ids = sorted(told.maybe | told.absent)
    if not ids:
        return []
    ended = client.run([{"do": "enqueue", "id": one, "n": 0} for one in ids], folder, Fault())
    refused = [answer for answer in ended.answers if answer["said"] != "done"]
    told.enqueued(ids)
    return ended.panics + [f"broken: {where}: the same id again was refused: {answer}" for answer in refused[:3]]


def all_ran(seen: Seen | None, told: Told) -> list[str]:
    """Nothing is left running, and nothing that was cancelled ran."""
    if seen is None:
        return ["lost: there are no tables after recovery"]
    stuck = [one for one, states in seen.states.items() if "running" in states]
    ran = [one for one in told.cancelled - told.unsure if seen.completed[one]]
    return [f"broken: job {one} is running still, and nobody runs it" for one in stuck] + [
        f"broken: job {one} ran, and its cancellation was acknowledged" for one in ran
    ]
