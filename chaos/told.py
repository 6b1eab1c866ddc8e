"""What users of a store were told, step by step, and so what has to be true of it after any fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chaos.app import MINUTE_US


@dataclass
class Told:
    """Everything by id. What is in no set was never spoken of, and must not be there."""

    present: set[str] = field(default_factory=set)
    """Stored, somebody was told."""
    maybe: set[str] = field(default_factory=set)
    """Under way, or outcome unknown: at most once."""
    absent: set[str] = field(default_factory=set)
    """Somebody was told that it is certainly not stored."""
    settled: dict[str, str] = field(default_factory=dict)
    """How a job ended for good. One that is to run again (failed, snoozed) has its attempt counted below."""
    attempts: dict[str, int] = field(default_factory=dict)
    """Outcomes acknowledged, by job: so many attempts are in its history at least."""
    cancelled: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    """Cancelled once and taken back: anything but cancelled."""
    unsure: set[str] = field(default_factory=set)
    """Being cancelled, retried or settled when the fault came: either state."""
    decided_to: int | None = None
    """Every tick up to here has been decided."""
    began_at: int | None = None

    def enqueued(self, ids: list[str]) -> None:
        self.present.update(ids)
        self.maybe.difference_update(ids)
        self.absent.difference_update(ids)


def by_client(told: Told, steps: list[dict[str, Any]], answers: list[dict[str, Any]], *, has_ended: bool) -> Told:
    """Adds what the steps of one client mean. A client that was killed had one step more under way."""
    answered: dict[int, list[dict[str, Any]]] = {}
    for answer in answers:
        answered.setdefault(answer["step"], []).append(answer)
    under_way = max(answered, default=-1) + (0 if has_ended else 1)
    for number, step in enumerate(steps):
        said = [answer["said"] for answer in answered.get(number, [])]
        # The last step that spoke may have been trying again when it was killed.
        was_cut = not has_ended and number in {under_way, under_way - 1} and "done" not in said
        if any(answer.get("cancelled") is False for answer in answered.get(number, [])):
            told.unsure.add(step["id"])  # it was running: asked to stop, and not cancelled yet
            continue
        apply(told, step, is_done="done" in said, is_unknown=was_cut or "unknown" in said, is_refused="refused" in said)
    return told


def apply(told: Told, step: dict[str, Any], *, is_done: bool, is_unknown: bool, is_refused: bool) -> None:
    """One step of a client: what it did, may have done, or certainly did not do."""
    ids = step.get("ids") or ([step["id"]] if "id" in step else [])
    match step["do"]:
        case "enqueue" | "many" | "later" | "transaction" | "command":
            if is_done:
                told.enqueued(ids)
            elif is_unknown:
                told.maybe.update(one for one in ids if one not in told.present)
            elif is_refused:
                told.absent.update(one for one in ids if one not in told.present | told.maybe)
        case "cancel" if is_done:
            told.cancelled.update(ids)
            told.live.difference_update(ids)
            told.unsure.difference_update(ids)
        case "retry" if is_done:
            told.live.update(ids)
            told.cancelled.difference_update(ids)
            told.unsure.difference_update(ids)
        case "cancel" | "retry" if is_unknown:
            told.unsure.update(ids)
        case _:
            pass


class EngineTale:
    """Follows one test engine: which job each number meant, which outcomes it has confirmed."""

    def __init__(self, told: Told, requests: list[dict[str, Any]], *, has_schedules: bool) -> None:
        self.told, self.requests, self.has_schedules = told, requests, has_schedules
        self.ids: dict[int, str] = {}
        self.next = 0
        self.expect()

    def expect(self) -> None:
        """The next request is under way from the moment the last was answered."""
        if self.next < len(self.requests) and self.requests[self.next]["op"] == "outcome":
            one = self.ids.get(self.requests[self.next]["seq"])
            if one is not None:
                self.told.unsure.add(one)

    def answered(self, answer: dict[str, Any]) -> None:
        request = self.requests[self.next]
        self.next += 1
        if answer.get("ok"):
            for job in answer.get("jobs", []):
                self.ids[job["seq"]] = job["id"]
                self.told.enqueued([job["id"]])  # it was shown, so it was stored
            if request["op"] == "outcome" and answer.get("state") is not None:
                one = self.ids[request["seq"]]
                self.told.attempts[one] = self.told.attempts.get(one, 0) + 1
                if answer["state"] in {"completed", "discarded", "cancelled"}:
                    self.told.settled[one] = answer["state"]
                self.told.unsure.discard(one)
            if self.has_schedules and request["op"] == "open":
                self.told.began_at = self.told.began_at or request["now"]
            if self.has_schedules and request["op"] == "claim":
                self.told.decided_to = request["now"] // MINUTE_US * MINUTE_US
        self.expect()
