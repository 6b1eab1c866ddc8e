"""Validation errors of the service's own requests, in the shape that every error of Workaday has.

`workaday.fastapi.setup(api, app, problems=True)` installs it: a request that does not fit is answered 422 with
`application/problem+json`, which says what failed, what was expected, what came and whether a retry is safe; every
misfit at once, so that nobody mends them one by one.
"""

from __future__ import annotations

from typing import Any

CODE = "request.invalid"
GOT_CHARACTERS_MAX = 100
ERRORS_MAX = 50

_SECRET = ("password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "card", "cvc", "iban")

_EXPECTED = {
    "missing": "a value: it is required",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "an object",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "uuid_parsing": "a UUID",
    "uuid_type": "a UUID",
    "date_parsing": "a date such as 2030-01-31",
    "date_from_datetime_parsing": "a date such as 2030-01-31",
    "datetime_parsing": "an instant such as 2030-01-31T08:00:00Z",
    "datetime_from_date_parsing": "an instant such as 2030-01-31T08:00:00Z",
    "timezone_aware": "an instant with its offset from UTC",
    "decimal_parsing": "a decimal number",
    "json_invalid": "a body that is JSON",
    "extra_forbidden": "no such field",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "{min_length} characters or more",
    "string_too_long": "{max_length} characters or less",
    "too_short": "{min_length} items or more",
    "too_long": "{max_length} items or less",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def problem(errors: list[dict[str, Any]], *, status: int = 422) -> dict[str, Any]:
    """The body for errors as pydantic lists them."""
    told = [_told(error) for error in errors[:ERRORS_MAX]]
    first = told[0] if told else {"where": "the request", "expected": "", "got": ""}
    more = len(errors) - 1
    message = f"{first['where']} is {first['got']}" if first["got"] != "nothing" else f"{first['where']} is missing"
    if more > 0:
        message += f", and {more} more" if more > 1 else ", and one more"
    return {
        "type": "about:blank",
        "title": "The request does not fit",
        "status": status,
        "code": CODE,
        "message": message,
        "expected": first["expected"],
        "got": first["got"],
        "retry": "safe_after_fix",
        "hint": "mend every entry of `errors`, then send the request again; nothing was done",
        "errors": told,
    }


def _told(error: dict[str, Any]) -> dict[str, str]:
    where = _where(error.get("loc", ()))
    kind = error.get("type", "")
    return {
        "where": where,
        "expected": _expected(error),
        "got": _got(where, kind, error.get("input")),
        "message": str(error.get("msg", "")),
    }


def _where(location: Any) -> str:
    """`body.items[0].price`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the request"


def _expected(error: dict[str, Any]) -> str:
    template = _EXPECTED.get(error.get("type", ""))
    if template is not None:
        try:
            return template.format(**error.get("ctx", {}))
        except (KeyError, IndexError):
            pass
    return str(error.get("msg", "another value"))


def _got(where: str, kind: str, value: Any) -> str:
    if kind == "missing":
        return "nothing"
    if any(word in where.lower() for word in _SECRET):
        return "a value that is not shown"
    if kind == "json_invalid":
        return "a body that is not"
    import json

    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = type(value).__name__
    return text if len(text) <= GOT_CHARACTERS_MAX else text[:GOT_CHARACTERS_MAX] + "…"


def install(api: Any) -> None:
    """Answers validation errors of `api` so, unless it has a handler of its own for them."""
    from fastapi.exception_handlers import request_validation_exception_handler as usual  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - FastAPI may not be there
    from fastapi.exceptions import RequestValidationError  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - FastAPI may not be there
    from fastapi.responses import JSONResponse  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - FastAPI may not be there

    kind: Any = RequestValidationError
    answer: Any = JSONResponse
    if api.exception_handlers.get(kind, usual) is not usual:
        return

    async def answer_problem(_request: Any, error: Any) -> Any:
        return answer(problem(list(error.errors())), status_code=422, media_type="application/problem+json")

    api.add_exception_handler(kind, answer_problem)
