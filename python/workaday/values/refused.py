"""The ways in which the table says no: to a value, to an annotation, to the arguments of one call."""

from __future__ import annotations

from workaday.lengths import shortened


class ValueRefused(Exception):
    """A value does not fit. `path` grows from the inside out while the exception passes the containers."""

    def __init__(self, got: object, expected: str, note: str | None = None) -> None:
        super().__init__(expected)
        self.got = shortened(got)
        self.expected = expected
        self.note = note
        self.path = ""

    def under(self, segment: str) -> ValueRefused:
        """The same refusal, seen from the container: `[3]`, `.city`."""
        self.path = segment + self.path
        return self


class AnnotationRefused(Exception):
    """An annotation is not in the table. Found when the task is registered, not at three in the morning."""

    def __init__(self, annotation: object, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.annotation = getattr(annotation, "__name__", None) if isinstance(annotation, type) else None
        self.annotation = self.annotation or shortened(str(annotation).replace("typing.", ""), 80).strip('"')
        self.why = why
        self.hint = hint
        self.place = ""


class Misfit(Exception):
    """Arguments that do not fit the signature; `what` reads after the task's name."""

    def __init__(self, what: str, expected: str, note: str | None = None) -> None:
        super().__init__(f"{what}; expected {expected}")
        self.what = what
        self.expected = expected
        self.note = note
