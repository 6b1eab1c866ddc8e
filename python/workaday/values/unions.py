"""`Optional` and unions whose members are told apart by the kind of their JSON."""

from __future__ import annotations

from typing import Any

from workaday.values.codec import Codec, kind_of
from workaday.values.records import Choice
from workaday.values.refused import ValueRefused


class Union(Codec):
    """The first member that fits. No two members share a JSON form: `clash` is asked before this is built."""

    def __init__(self, members: list[Codec]) -> None:
        self.members = members
        self.hashable = all(member.hashable for member in members)
        self.kinds = frozenset[str]().union(*(member.kinds for member in members))
        self.expected = " or ".join(member.expected for member in members)
        self.schema = {"anyOf": [member.schema for member in members]}

    def encode(self, value: Any) -> Any:
        return self._first(self.members, "encode", value)

    def decode(self, value: Any) -> Any:
        kind = kind_of(value)
        return self._first([member for member in self.members if kind in member.kinds], "decode", value)

    def _first(self, members: list[Codec], direction: str, value: Any) -> Any:
        inner: ValueRefused | None = None
        for member in members:
            try:
                return getattr(member, direction)(value)
            except ValueRefused as refused:
                # A refusal deep inside says more than "neither this nor that".
                if refused.path or refused.note:
                    inner = refused
        raise inner or ValueRefused(value, self.expected)


def clash(members: list[Codec]) -> tuple[Codec, Codec] | None:
    """Two members that one JSON value could belong to, if there are any."""
    for index, one in enumerate(members):
        for other in members[index + 1 :]:
            if one.kinds & other.kinds and not _disjoint(one, other):
                return one, other
    return None


def _disjoint(one: Codec, other: Codec) -> bool:
    return isinstance(one, Choice) and isinstance(other, Choice) and not (one.by_json.keys() & other.by_json.keys())
