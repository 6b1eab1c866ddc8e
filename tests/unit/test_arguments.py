"""Arguments: judged against the signature at the enqueue, and again when the job runs."""

from typing import Any, TypedDict, Unpack

import pytest
from workaday import App, ArgumentsInvalid, Context
from workaday.runner import COMPLETED, MISFIT, call_sync

app = App("shop")
CTX = Context(bytes(16), "t")


class Extra(TypedDict, total=False):
    colour: str


@app.task()
def by_name(order_id: int, *, copy: bool = False) -> list[Any]:
    return [order_id, copy]


@app.task()
def every_kind(a: int, /, b: int, *rest: str, c: int = 3, **extra: bool) -> list[Any]:
    return [a, b, list(rest), c, extra]


@app.task()
def context_first(ctx: Context, a: int) -> list[Any]:
    return [ctx is CTX, a]


@app.task()
def context_between(a: int, ctx: Context, *rest: int) -> list[Any]:
    return [a, ctx is CTX, list(rest)]


@app.task()
def context_by_place(ctx: Context, /, a: int = 1) -> list[Any]:
    return [ctx is CTX, a]


@app.task()
def context_by_keyword(a: int = 1, *, c: Context) -> list[Any]:
    return [a, c is CTX]


@app.task()
def context_optional(a: int = 1, ctx: Context | None = None) -> list[Any]:
    return [a, ctx is CTX]


@app.task()
def unpacked(**extra: Unpack[Extra]) -> dict[str, Any]:
    return {**extra}


@app.task()
def nothing() -> None: ...


@pytest.mark.parametrize(
    ("task", "args", "kwargs", "text", "result"),
    [
        (by_name, (42,), {"copy": True}, '{"order_id":42,"copy":true}', "[42,true]"),
        (by_name, (), {"order_id": 42}, '{"order_id":42}', "[42,false]"),
        (every_kind, (1, 2), {}, '{"a":1,"b":2}', "[1,2,[],3,{}]"),
        (every_kind, (1, 2, "x", "y"), {"c": 4, "q": True}, None, '[1,2,["x","y"],4,{"q":true}]'),
        (context_first, (1,), {}, '{"a":1}', "[true,1]"),
        (context_between, (1, 2, 3), {}, '{"a":1,"rest":[2,3]}', "[1,true,[2,3]]"),
        (context_by_place, (), {}, "{}", "[true,1]"),
        (context_by_place, (5,), {}, '{"a":5}', "[true,5]"),
        (context_by_keyword, (5,), {}, '{"a":5}', "[5,true]"),
        (context_optional, (), {}, "{}", "[1,true]"),
        (unpacked, (), {"colour": "red"}, '{"extra":{"colour":"red"}}', '{"colour":"red"}'),
        (nothing, (), {}, "{}", "null"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_arguments_reach_the_function_as_they_were_given(task: Any, args: Any, kwargs: Any, text: Any, result: str) -> None:
    prepared = task.prepare(*args, **kwargs)
    assert text is None or prepared.args == text
    outcome = call_sync(task, prepared.args, CTX)
    assert (outcome.kind, outcome.payload) == (COMPLETED, result)


@pytest.mark.parametrize(
    ("task", "args", "kwargs", "said"),
    [
        (by_name, ("abc",), {}, '`order_id` is "abc"'),
        (by_name, (), {}, "missing a required argument: 'order_id'"),
        (by_name, (1, 2), {}, "too many positional arguments"),
        (by_name, (1,), {"order_id": 2}, "multiple values for argument 'order_id'"),
        (by_name, (1,), {"kopy": True}, "unexpected keyword argument 'kopy'"),
        (by_name, (1,), {"copy": 1}, "`copy` is 1"),
        (every_kind, (1, 2, 3), {}, "`rest[0]` is 3"),
        (every_kind, (1, 2), {"q": 1}, "`extra.q` is 1"),
        (context_first, (), {"a": 1, "ctx": None}, "unexpected keyword argument 'ctx'"),
        (nothing, (1,), {}, "too many positional arguments"),
    ],
)
def test_a_wrong_call_is_refused_before_it_is_stored(task: Any, args: Any, kwargs: Any, said: str) -> None:
    with pytest.raises(ArgumentsInvalid) as refused:
        task.prepare(*args, **kwargs)
    assert refused.value.code == "args.invalid"
    assert said in refused.value.message
    assert "nothing was stored" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ['{"order_id":"42"}', "{}", '{"order_id":1,"more":2}', "[]", "null", "{", '{"order_id":NaN}', '{"order_id":' + "1" * 300_000 + "}"],
)
def test_stored_arguments_that_do_not_fit_are_a_misfit_and_nothing_is_called(text: str) -> None:
    outcome = call_sync(by_name, text, None)
    assert outcome.kind == MISFIT
    assert "shop.by_name" in outcome.payload


def test_arguments_are_limited_in_size_and_depth() -> None:
    @app.task()
    def take(x: Any) -> None: ...

    with pytest.raises(ArgumentsInvalid, match="at most 262144 bytes"):
        take.prepare("x" * 262_144)
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    with pytest.raises(ArgumentsInvalid, match="64 levels"):
        take.prepare(deep)
    take.prepare(deep[0])


def test_the_error_reads_in_the_words_of_the_interface() -> None:
    with pytest.raises(ArgumentsInvalid) as refused:
        by_name.prepare("abc")  # type: ignore[arg-type]
    assert str(refused.value) == (
        'error[args.invalid]: shop.by_name was not enqueued: `order_id` is "abc"\n'
        "  expected: an integer\n"
        "  retry:    safe after the argument is fixed; nothing was stored"
    )
    assert refused.value.to_json()["retry"] == "safe_after_fix"
