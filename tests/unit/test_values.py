"""Values: what is in the table survives the way to the store and back; what is not is refused with its place."""

from __future__ import annotations

import json
import math
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, auto
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_types import Address, Colour, Movie, Point
from workaday.values.build import build
from workaday.values.plain import ARGUMENT_BYTES_MAX, DEPTH_MAX, dump, load
from workaday.values.refused import AnnotationRefused, ValueRefused

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGERS | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    Any: PLAIN,
    None: st.none(),
    bool: st.booleans(),
    int: INTEGERS,
    float: NUMBERS,
    str: TEXT,
    date: st.dates(),
    datetime: st.datetimes(timezones=OFFSETS, min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),
    time: st.times(),
    timedelta: st.timedeltas(),
    UUID: st.uuids(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    bytes: st.binary(max_size=40),
    Colour: st.sampled_from(Colour),
    Point: st.builds(Point, INTEGERS, INTEGERS),
    Address: st.builds(Address, TEXT, st.builds(Point, INTEGERS)),
    Movie: st.fixed_dictionaries({"title": TEXT}, optional={"year": INTEGERS}),
    list[datetime]: st.lists(st.datetimes(timezones=OFFSETS, min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), max_size=3),
    tuple[int, str]: st.tuples(INTEGERS, TEXT),
    tuple[bytes, ...]: st.lists(st.binary(max_size=5), max_size=3).map(tuple),
    set[str]: st.sets(TEXT, max_size=4),
    frozenset[tuple[int, str]]: st.frozensets(st.tuples(INTEGERS, TEXT), max_size=3),
    dict[str, list[Decimal]]: st.dictionaries(TEXT, st.lists(st.decimals(0, 9, places=2), max_size=2), max_size=3),
    int | None: st.none() | INTEGERS,
    bool | int | str | None: st.none() | st.booleans() | INTEGERS | TEXT,
    Literal["a", 1]: st.sampled_from(["a", 1]),
}


@pytest.mark.parametrize("annotation", VALUES, ids=str)
def test_what_is_in_the_table_comes_back_equal_and_of_the_same_type(annotation: Any) -> None:
    codec = build(annotation)

    @given(VALUES[annotation])
    def holds(value: Any) -> None:
        back = codec.decode(load(dump(codec.encode(value), ARGUMENT_BYTES_MAX), ARGUMENT_BYTES_MAX))
        assert back == value
        assert type(back) is type(value)

    holds()


@given(st.sets(TEXT, max_size=6))
def test_equal_sets_are_equal_json(members: set[str]) -> None:
    codec = build(set[str])
    assert codec.encode(members) == codec.encode(set(list(members)))  # noqa: C414 - another order of insertion


class Loop(TypedDict):
    inner: list[Loop]


class Access(Flag):
    READ = auto()


class Pair(NamedTuple):
    x: int


class Shape(Enum):
    POINT = (1, 2)


@dataclass
class WithInitVar:
    x: int
    seed: InitVar[int]


@dataclass
class Computed:
    x: int = field(init=False)


Kilometres = NewType("Kilometres", float)


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (str | UUID, "share a JSON form"),
        (date | datetime, "share a JSON form"),
        (int | float, "share a JSON form"),
        (Point | Address, "share a JSON form"),
        (list[int] | tuple[int, ...], "share a JSON form"),
        (Literal["a"] | str, "share a JSON form"),
        (Any | int, "share a JSON form"),
        (complex, "not in the table"),
        (Pair, "not in the table"),
        (set, "no type"),
        (set[list[int]], "hashable"),
        (dict[int, str], "keys of a JSON object are text"),
        (Loop, "contains itself"),
        (Access, "combined flags"),
        (Shape, "JSON scalars"),
        (Literal[b"x"], "JSON scalars"),
        (WithInitVar, "InitVar"),
        (Computed, "not set by its constructor"),
        (Annotated[int, pydantic.Field(gt=0)], "constraints"),
    ],
    ids=str,
)
def test_an_annotation_that_could_not_be_read_back_is_refused(annotation: Any, said: str) -> None:
    with pytest.raises(AnnotationRefused, match=said):
        build(annotation)


def test_names_for_types_are_looked_through() -> None:
    assert build(Kilometres).schema == {"type": "number"}
    assert build(Annotated[int, "a note"]).schema == build(int).schema
    assert build(Any | None).schema == {}


@pytest.mark.parametrize(
    ("annotation", "value", "path", "expected"),
    [
        (int, "42", "", "an integer"),
        (int, True, "", "an integer"),
        (int, 2**63, "", "an integer of 64 bits"),
        (float, math.nan, "", "a finite number"),
        (float, 10**400, "", "a finite number"),
        (str, "\ud800", "", "text without lone surrogates"),
        (bool, 1, "", "True or False"),
        (datetime, datetime(2030, 1, 1), "", "an aware datetime"),
        (date, datetime(2030, 1, 1, tzinfo=UTC), "", "a date"),
        (time, time(8, tzinfo=UTC), "", "a time of day without a zone"),
        (Decimal, Decimal("NaN"), "", "a finite Decimal"),
        (list[int], (1,), "", "a list of an integer"),
        (list[int], [1, "x"], "[1]", "an integer"),
        (dict[str, list[int]], {"a": [1, None]}, ".a[1]", "an integer"),
        (tuple[int, str], (1,), "", "a tuple of 2 items"),
        (Address, Address("a", Point("x")), ".at.x", "an integer"),  # type: ignore[arg-type]
        (Movie, {"title": "a", "stars": 5}, "", "without a field `stars`"),
        (Movie, {}, "", "with its field `title`"),
        (Point | None, Point("x"), ".x", "an integer"),  # type: ignore[arg-type]
        (int | str, 1.5, "", "an integer or text"),
        (Colour, "red", "", "one of"),
        (Any, {"a": [1, {2}]}, ".a[1]", "plain JSON"),
        (Any, {1: 2}, "", "text as the key"),
        (Any, Colour.RED, "", "plain JSON"),
        (Any, datetime(2030, 1, 1, tzinfo=UTC), "", "plain JSON"),
    ],
    ids=str,
)
def test_a_refusal_names_the_place_and_the_expectation(annotation: Any, value: Any, path: str, expected: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        build(annotation).encode(value)
    assert refused.value.path == path
    assert expected in refused.value.expected


def test_a_value_is_shortened_in_its_refusal() -> None:
    with pytest.raises(ValueRefused) as refused:
        build(int).encode("x" * 10_000)
    assert len(refused.value.got) <= 60


def test_a_self_containing_list_is_too_deep_and_not_an_endless_walk() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueRefused) as refused:
        build(Any).encode(loop)
    assert f"{DEPTH_MAX} levels" in refused.value.expected


def test_size_is_counted_in_bytes_of_utf_8() -> None:
    assert dump("ü" * 10, 22) == '"' + "ü" * 10 + '"'
    with pytest.raises(ValueRefused, match="at most 21 bytes"):
        dump("ü" * 10, 21)


def test_an_instant_with_an_odd_offset_is_kept_as_an_instant() -> None:
    odd = datetime(1890, 1, 1, tzinfo=timezone(timedelta(minutes=9, seconds=21)))
    codec = build(datetime)
    assert codec.decode(codec.encode(odd)) == odd


class Line(pydantic.BaseModel):
    sku: str = pydantic.Field(alias="SKU", min_length=2)
    price: Decimal = Decimal(1)


class TestPydantic:
    def test_a_model_decides_inside_itself(self) -> None:
        codec = build(Line)
        line = Line(SKU="ab", price=Decimal("2.50"))
        assert codec.decode(json.loads(json.dumps(codec.encode(line)))) == line
        assert codec.schema["x-workaday"] == "pydantic"
        with pytest.raises(ValueRefused) as refused:
            codec.decode({"SKU": "a"})
        assert refused.value.path == ".SKU"

    def test_a_model_that_is_not_valid_is_refused_before_it_is_stored(self) -> None:
        with pytest.raises(ValueRefused):
            build(Line).encode(Line.model_construct(sku="a"))

    def test_a_dictionary_is_not_taken_for_a_model(self) -> None:
        with pytest.raises(ValueRefused, match="a Line"):
            build(Line).encode({"SKU": "ab"})

    def test_models_stand_in_containers_and_optionals(self) -> None:
        codec = build(list[Line | None])
        lines = [Line(SKU="ab"), None]
        assert codec.decode(codec.encode(lines)) == lines
