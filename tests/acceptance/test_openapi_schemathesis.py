"""The OpenAPI document is true: a program that only read it is never surprised by an answer.

schemathesis makes requests from the document, good ones, bad ones and those at the bounds, the same on every run. Each is
sent with a token of each role to a running program, and its answer is held against the document: status, content type,
shape. What the document refuses is refused, no undeclared method is served, and nothing ends in a 5xx.
"""

from __future__ import annotations

import contextlib
import copy
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import reached
import schemathesis
from house import ROLES, House
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from requests import Session
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup

load_all_checks()
JUDGED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
)
"""What each answer is held against. What the document allows may still be refused with 404, 409 or 422 (a task that is not
there, a length that does not read), never with 400, 413 or 415."""

EXAMPLES = 6
"""Random requests for an operation and role, beside those at the bounds of each of its values."""

NOT_HERE = {"GET /api/v1/releases/{id}"}
"""A store without a release: this one answers 404."""

GONE = {"DELETE /api/v1/jobs/{id}"}
"""What the operator deleted is not there for the admin."""

FAILED = (FailureGroup, Failure)

EXISTING: dict[str, list[Any]] = {
    "task": ["shop.nightly", "shop.send_invoice"],
    "args": [{}, {"order_id": 1}],
    "queue": ["default"],
    "at": ["2030-01-01T00:00:00Z"],
    "delay": ["1h"],
    "expires": ["2h"],
}
"""Values of bodies that fit this store and its two tasks."""

SAME_EACH_TIME = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def document(house: House) -> dict[str, Any]:
    return house.ask("GET", "/api/openapi.json", token=house.tokens["viewer"]).json


KEPT = {f"019ad000-0000-7000-8000-00000000000{n}": {"order_id": n} for n in (1, 2)} | {
    "019ad000-0000-7000-8000-000000000003": {"order_id": -1}
}
"""Jobs that are there when each role begins, whatever the one before did to them."""

ALERT = 1
"""An alert that is open when each role begins. Others may come by themselves: the jobs that fail have their attempts used up
in their own time."""


def keep(house: House) -> None:
    store = sqlite3.connect(house.project.database, timeout=20)
    with store:
        store.execute(
            "INSERT OR REPLACE INTO workaday_alerts (key, code, subject, message, first_at, last_at)"
            " VALUES (?, 'job.discarded', 'shop.kept', 'it failed', 1, 1)",
            (ALERT,),
        )
    store.close()
    for job, args in KEPT.items():
        if house.ask("GET", f"/api/v1/jobs/{job}", token=house.tokens["viewer"]).status == 404:
            house.enqueue(args, id=job)


def beside(schema: dict[str, Any], *real: Any) -> dict[str, Any]:
    """The same values as `schema`, with those that exist in this store drawn about as often as all others."""
    return {"anyOf": [{"enum": list(real)}, schema]}


def with_what_exists(house: House, whole: dict[str, Any]) -> dict[str, Any]:
    """The document, unchanged in what it allows; or nearly every request would end at a name that is not there."""
    whole = copy.deepcopy(whole)
    keep(house)
    errors = [error["fingerprint"] for error in house.ask("GET", "/api/v1/errors", token=house.tokens["admin"]).json["errors"]]
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            for parameter in operation["parameters"]:
                if parameter["in"] != "path":
                    continue
                real = {"jobs": list(KEPT), "queues": ["default"], "tasks": ["shop.send_invoice"], "schedules": [house.schedule]}
                real["errors"] = errors
                things = real.get(path.split("/")[3], [str(ALERT)])
                if method == "delete":
                    things = [house.enqueue({"order_id": n}, delay="1h") for n in range(4)]
                parameter["schema"] = beside(parameter["schema"], *things)
            if "requestBody" in operation:
                fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
                for name, things in EXISTING.items():
                    if name in fields:
                        fields[name] = beside(fields[name], *things)
    return whole


def loaded(house: House, whole: dict[str, Any]) -> Any:
    schema = schemathesis.openapi.from_dict(whole)
    schema.config.update(base_url=f"http://127.0.0.1:{house.port}")
    schema.config.generation.update(with_security_parameters=False)
    schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "401", "403", "404", "409", "422"]
    return schema


def requests(schema: Any) -> Iterator[Case]:
    """Of each operation: the bounds of each of its values and what lies beyond, then random good and bad ones."""
    # What acts on many comes last: it may leave nothing for the others.
    for operation in sorted((found.ok() for found in schema.get_all_operations()), key=lambda operation: "/batch/" in operation.path):
        modes = list(GenerationMode)
        yield from schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=schema.config.generation)
        for mode in modes:
            drawn: list[Case] = []

            @SAME_EACH_TIME
            @given(case=operation.as_strategy(generation_mode=mode))
            def draw(case: Case) -> None:
                drawn.append(case)  # noqa: B023 (called before the next turn)

            with contextlib.suppress(Unsatisfiable):  # nothing wrong can be said where nothing is taken
                draw()
            yield from drawn


def judge(case: Case, response: Response) -> None:
    case.validate_response(response, checks=[CHECKS.get_one(name) for name in JUDGED])


@pytest.fixture(scope="module")
def cases(house: House) -> list[Case]:
    return list(requests(loaded(house, with_what_exists(house, document(house)))))


@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_one_that_the_document_names(house: House, cases: list[Case], role: str) -> None:
    keep(house)
    answers: Counter[tuple[str, int]] = Counter()
    wrong: list[str] = []
    with Session() as session:
        for case in cases:
            response = case.call(headers={"Authorization": f"Bearer {house.tokens[role]}"}, session=session)
            reached.scan_page(response.text)
            answers[case.operation.label, response.status_code] += 1
            try:
                judge(case, response)
            except FAILED as failure:
                wrong.append(f"{case.operation.label}: {failure}")
    statuses = sorted(Counter(status for _, status in answers.elements()).items())
    print(f"{role}: {answers.total()} answers, {statuses}")
    assert not wrong, f"{len(wrong)} answers of {answers.total()}:\n" + "\n".join(wrong[:10])
    good = {label for label, status in answers if status < 300}
    every = {case.operation.label for case in cases}
    looks = {label for label in every if label.startswith("GET")}
    may = {"viewer": looks - {"GET /api/v1/audit"}, "operator": every - {"GET /api/v1/audit"}, "admin": every}[role]
    assert good == may - NOT_HERE - (GONE if role == "admin" else set()), "what a role may do was done, and nothing else"


def test_what_the_document_does_not_name_is_found(house: House) -> None:
    """The judge is no rubber stamp: each of these is planted into a document or an answer that was good."""
    path = "/api/v1/queues"

    def answered(plant: Callable[[dict[str, Any]], Any], status: int | None = None) -> None:
        whole = document(house)
        plant(whole["paths"][path]["get"]["responses"])
        case = loaded(house, whole)[path]["GET"].Case()
        response = case.call(headers={"Authorization": f"Bearer {house.tokens['viewer']}"})
        response.status_code = status or response.status_code
        judge(case, response)

    def other_shape(responses: dict[str, Any]) -> None:
        responses["200"]["content"]["application/json"]["schema"] = {"type": "object", "required": ["line"]}

    def other_type(responses: dict[str, Any]) -> None:
        responses["200"]["content"] = {"text/csv": {}}

    answered(lambda responses: None)
    for plant, status, words in (
        (lambda responses: responses.pop("200"), None, "Undocumented status code"),
        (lambda responses: responses.setdefault("500", responses["200"]), 500, "Server error"),
        (other_shape, None, "Response violates schema"),
        (other_type, None, "Undocumented Content-Type"),
    ):
        with pytest.raises(FAILED) as found:
            answered(plant, status)
        assert any(words == one.title for one in getattr(found.value, "exceptions", [found.value])), found.value
