"""Registration: what cannot work is refused when the module is imported, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from workaday import App, Context, Expect, JobError, RegistrationError, Retry


def test_a_task_is_named_after_app_and_function() -> None:
    app = App("shop")

    @app.task()
    def send() -> None: ...

    assert send.name == "shop.send"
    assert app.task_named("shop.send") is send
    assert send.__name__ == "send"


def test_a_name_is_taken_once() -> None:
    app = App("shop")

    @app.task(name="shop.mail")
    def one() -> None: ...

    with pytest.raises(RegistrationError) as refused:

        @app.task(name="shop.mail")
        def two() -> None: ...

    assert refused.value.code == "task.name_taken"


def test_the_same_function_may_be_registered_again_by_a_reload() -> None:
    app = App("shop")
    for _ in range(2):

        @app.task()
        def send() -> None: ...

    assert len(app.tasks) == 1


def test_an_unknown_task_is_refused_with_the_nearest_name() -> None:
    app = App("shop")

    @app.task()
    def send_invoice() -> None: ...

    with pytest.raises(JobError) as refused:
        app.task_named("shop.send_invoic")
    assert refused.value.code == "task.unknown"
    assert refused.value.hint == "did you mean `shop.send_invoice`?"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"timeout": "30"}, "option.length_invalid"),
        ({"timeout": 30}, "option.length_invalid"),
        ({"timeout": "0s"}, "option.length_invalid"),
        ({"timeout": "-1s"}, "option.length_invalid"),
        ({"timeout": "1.s.5"}, "option.length_invalid"),
        ({"timeout": "200000w"}, "option.length_invalid"),
        ({"timeout": timedelta(seconds=-1)}, "option.length_invalid"),
        ({"memory": "256 MB"}, "option.size_invalid"),
        ({"memory": 0}, "option.size_invalid"),
        ({"memory": True}, "option.size_invalid"),
        ({"queue": ""}, "option.name_invalid"),
        ({"queue": "a b"}, "option.name_invalid"),
        ({"name": "a/b"}, "option.name_invalid"),
        ({"priority": 101}, "option.priority_invalid"),
        ({"priority": True}, "option.priority_invalid"),
        ({"retry": 3}, "option.retry_invalid"),
        ({"retry_safe": "yes"}, "option.flag_invalid"),
        ({"owner": 1}, "option.text_invalid"),
        ({"expects": ""}, "option.expects_invalid"),
        ({"at_most_once": True, "retry": Retry(attempts=2)}, "task.at_most_once_retried"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(RegistrationError) as refused:
        App("shop").task(**options)(lambda: None)
    assert refused.value.code == code
    assert refused.value.expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: Retry(attempts=0),
        lambda: Retry(jitter=2),
        lambda: Retry(backoff="linear"),  # type: ignore[arg-type]
        lambda: Retry(on=("ValueError",)),  # type: ignore[arg-type]
        lambda: Retry(base="2h", cap="1h"),
    ],
)
def test_a_retry_policy_that_cannot_be_is_refused(make: Any) -> None:
    with pytest.raises(RegistrationError) as refused:
        make()
    assert refused.value.code == "option.retry_invalid"


def test_at_most_once_has_one_attempt_and_a_process_of_its_own() -> None:
    app = App("shop")

    @app.task(at_most_once=True)
    def charge() -> None: ...

    assert charge.entry()["retry"]["attempts"] == 1
    assert charge.lane == "solo"


def test_an_annotation_outside_the_table_is_refused_with_its_parameter() -> None:
    app = App("shop")
    with pytest.raises(RegistrationError) as refused:

        @app.task()
        def send(key: str | UUID) -> None: ...

    assert refused.value.code == "task.annotation_unsupported"
    assert "parameter `key`" in refused.value.message
    assert not app.tasks


def test_annotations_may_name_what_stands_in_the_same_function() -> None:
    from dataclasses import dataclass

    @dataclass
    class Local:
        x: int

    app = App("shop")

    @app.task()
    def send(item: Local) -> None: ...

    assert send.prepare(Local(1)).args == '{"item":{"x":1}}'


def test_a_name_that_is_not_there_is_refused_with_the_fix() -> None:
    app = App("shop")
    with pytest.raises(RegistrationError) as refused:

        @app.task()
        def send(item: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert "TYPE_CHECKING" in (refused.value.hint or "")


@pytest.mark.parametrize("thing", [int, "text", (_ for _ in ()), print], ids=str)
def test_only_functions_are_tasks(thing: Any) -> None:
    with pytest.raises(RegistrationError) as refused:
        App("shop").task()(thing)
    assert refused.value.code == "task.not_a_function"


def test_a_generator_is_no_task() -> None:
    with pytest.raises(RegistrationError, match="generator"):

        @App("shop").task()
        def numbers() -> Any:
            yield 1


def test_the_catalogue_entry_is_the_one_of_the_protocol() -> None:
    app = App("shop")

    @app.task(
        queue="mail",
        retry=Retry(attempts=8, base="5s", cap="1h"),
        timeout="30s",
        owner="payments@shop.example",
        expects=Expect("the customer has the e-mail", within="5m"),
        rollback="resend",
        retry_safe=True,
    )
    async def send_invoice(ctx: Context, order_id: int, *, copy: bool = False) -> str:
        """Sends one invoice.

        More words.
        """
        return ""

    entry = app.catalogue()[0]
    assert entry == {
        "name": "shop.send_invoice",
        "kind": "async",
        "queue": "mail",
        "priority": 0,
        "retry": {"attempts": 8, "backoff": "exponential", "base_us": 5_000_000, "cap_us": 3_600_000_000, "jitter": 0.1},
        "timeout_us": 30_000_000,
        "memory_bytes": None,
        "at_most_once": False,
        "retry_safe": True,
        "owner": "payments@shop.example",
        "expects": "the customer has the e-mail",
        "expects_within_us": 300_000_000,
        "rollback": "resend",
        "doc": "Sends one invoice.",
        "params": {
            "type": "object",
            "properties": {"order_id": {"type": "integer", "format": "int64"}, "copy": {"type": "boolean", "default": False}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    }


def test_lengths_are_read_exactly() -> None:
    app = App("shop")
    for text, micros in [("250ms", 250_000), ("90s", 90_000_000), ("1.5h", 5_400_000_000), ("1d", 86_400_000_000)]:
        task = app.task(name=f"shop.{text}", timeout=text)(lambda: None)
        assert task.entry()["timeout_us"] == micros
    assert app.task(name="shop.never", timeout=None)(lambda: None).entry()["timeout_us"] is None
    assert app.task(name="shop.m", memory="256M")(lambda: None).entry()["memory_bytes"] == 256 * 1024**2
