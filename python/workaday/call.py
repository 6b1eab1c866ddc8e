"""One call of a task with the options of one job, from arguments to a row that is ready to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from workaday.errors import ArgumentsInvalid, EnqueueError
from workaday.ids import id_bytes, new_id
from workaday.lengths import instant_us, length_us, shortened
from workaday.policy import checked_name, checked_priority
from workaday.values.refused import Misfit

if TYPE_CHECKING:
    from workaday.job import Job
    from workaday.task import Task

P = ParamSpec("P")
T = TypeVar("T")
KEY_CHARACTERS_MAX = 500
TAGS_MAX = 20


class Prepared(Generic[T]):
    """A call that was judged and has its id, and is not written yet."""

    __slots__ = ("args", "call", "id", "task")

    def __init__(self, task: Task[..., T], call: Call[..., T], args: str, job_id: bytes) -> None:
        self.task = task
        self.call = call
        self.args = args
        self.id = job_id

    def row(self, now: int) -> dict[str, Any]:
        """The parameters of `enqueue.sql`."""
        call, task = self.call, self.task
        return {
            "id": self.id,
            "task": task.name,
            "queue": call.queue,
            "priority": call.priority,
            "lane": task.lane,
            "run_at": now + call.delay_us if call.at_us is None else call.at_us,
            "args": self.args,
            "expires_at": now + call.expires_after_us if call.expires_after_us is not None else call.expires_at_us,
            "unique_key": None if call.unique is None else unique_key(self),
            "unique_while": None if call.unique is None else call.while_,
            "tags": call.tags,
            "rerun_of": None,
            "enqueued_release": task.app.release,
            "now": now,
        }


class Call(Generic[P, T]):
    """A task with the options of one job; see `Task.options`."""

    def __init__(
        self,
        task: Task[P, T],
        *,
        delay: Any = None,
        at: Any = None,
        queue: str | None = None,
        priority: int | None = None,
        unique: Any = None,
        while_: str = "unfinished",
        on_conflict: str = "return",
        id: Any = None,
        tags: Any = None,
        connection: Any = None,
        expires: Any = None,
    ) -> None:
        if delay is not None and at is not None:
            raise _refused("delay=, at", f"{shortened(delay)} and {shortened(at)}", "one of the two")
        self.task = task
        self.queue = task.policy.queue if queue is None else checked_name(queue, "queue")
        self.priority = task.policy.priority if priority is None else checked_priority(priority)
        self.delay_us = 0 if delay is None else length_us(delay, "delay", error=EnqueueError)
        self.at_us = None if at is None else instant_us(at, "at", EnqueueError)
        self.expires_after_us, self.expires_at_us = _expiry(expires)
        self.unique = _unique(unique)
        self.while_ = _word("while_", while_, ("unfinished", "waiting"))
        self.on_conflict = _word("on_conflict", on_conflict, ("return", "replace", "error"))
        self.id = None if id is None else id_bytes(id)
        self.tags = None if tags is None else _tags(tags)
        self.connection = connection

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Prepared[T]:
        """The call, judged but not yet written."""
        task = self.task
        try:
            text = task.signature.encode(args, kwargs)
        except Misfit as misfit:
            raise _arguments_invalid(task.name, misfit) from None
        return Prepared(cast("Task[..., T]", task), cast("Call[..., T]", self), text, self.id or new_id())

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """Writes the job and returns once it is on disk (inside `connection`: once it is in your transaction)."""
        from workaday.client import enqueue

        return enqueue.one(self.prepare(*args, **kwargs))

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """`enqueue` for coroutines."""
        from workaday.client import enqueue

        return await enqueue.aone(self.prepare(*args, **kwargs))


def unique_key(prepared: Prepared[Any]) -> str:
    """The key that only one unfinished job holds. Names have no spaces, so keys of two tasks never meet."""
    task, unique = prepared.task, prepared.call.unique
    if unique is True:
        return task.name
    if unique == "args":
        from hashlib import sha256

        digest = sha256(task.signature.canonical(prepared.args).encode()).hexdigest()[:32]
        return f"{task.name} args={digest}"
    return f"{task.name} key={unique}"


def _arguments_invalid(task: str, misfit: Misfit) -> ArgumentsInvalid:
    return ArgumentsInvalid(
        "args.invalid",
        f"{task} was not enqueued: {misfit.what}",
        expected=misfit.expected,
        retry_note="safe after the argument is fixed; nothing was stored",
        hint=misfit.note,
    )


def _expiry(value: Any) -> tuple[int | None, int | None]:
    """(after so long, at that instant): one of them at most."""
    if value is None:
        return None, None
    if hasattr(value, "tzinfo") or (isinstance(value, str) and "T" in value):
        return None, instant_us(value, "expires", EnqueueError)
    return length_us(value, "expires", zero=False, error=EnqueueError), None


def _unique(value: Any) -> Any:
    if value is None or value is False:
        return None
    if value is True or (isinstance(value, str) and 0 < len(value) <= KEY_CHARACTERS_MAX and value.isprintable()):
        return value
    raise _refused("unique", shortened(value), f'True, "args", or a key of 1 to {KEY_CHARACTERS_MAX} printable characters')


def _tags(value: Any) -> str:
    is_list = isinstance(value, (list, tuple))
    tags: list[Any] = [*cast("Any", value)] if is_list else []
    if not is_list or len(tags) > TAGS_MAX or not all(isinstance(tag, str) and tag.isprintable() and 0 < len(tag) <= 100 for tag in tags):
        raise _refused("tags", shortened(cast("Any", value)), f'a list of at most {TAGS_MAX} words, such as ["import", "2030-01"]')
    from workaday.values.plain import encode_text

    return encode_text(tags)


def _word(name: str, value: Any, words: tuple[str, ...]) -> str:
    if value not in words:
        raise _refused(name, shortened(value), " or ".join(f'"{word}"' for word in words))
    return value


def _refused(name: str, got: str, expected: str) -> EnqueueError:
    return EnqueueError(
        "enqueue.option_invalid",
        f"options({name}=) is {got}",
        expected=expected,
        retry_note="safe after the option is mended; nothing was stored",
    )
