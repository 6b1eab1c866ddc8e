"""Requests that do not fit are answered with every misfit, in the words of all other errors, and without secrets."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import reached
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from workaday import App
from workaday.fastapi import setup


class Line(BaseModel):
    price: float = Field(gt=0)
    quantity: int


class Order(BaseModel):
    customer: str = Field(min_length=2)
    password: str = Field(min_length=12)
    lines: list[Line]


def post(api: FastAPI, body: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test") as client:
            kind = {"content": body, "headers": {"content-type": "application/json"}} if isinstance(body, str) else {"json": body}
            return await client.post("/orders", **kind)

    return asyncio.run(main())


def service(app: App, **options: Any) -> FastAPI:
    api = FastAPI()
    setup(api, app, **options)

    @api.post("/orders")
    def order(order: Order) -> str:
        return order.customer

    return api


GOOD = {"customer": "Ada", "password": "correct horse battery", "lines": [{"price": 1.5, "quantity": 2}]}


def test_every_misfit_is_told_with_its_place(app: App) -> None:
    answer = post(service(app, problems=True), {"customer": "A", "password": "hunter2", "lines": [{"price": -1, "quantity": "many"}]})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    reached.note(problem["code"])
    assert (problem["code"], problem["retry"], problem["status"]) == ("request.invalid", "safe_after_fix", 422)
    assert problem["message"] == 'body.customer is "A", and 3 more'
    told = {error["where"]: (error["expected"], error["got"]) for error in problem["errors"]}
    assert told == {
        "body.customer": ("2 characters or more", '"A"'),
        "body.password": ("12 characters or more", "a value that is not shown"),
        "body.lines[0].price": ("more than 0.0", "-1"),
        "body.lines[0].quantity": ("an integer", '"many"'),
    }
    assert "hunter2" not in answer.text


def test_what_is_missing_is_told_without_the_rest_of_the_body(app: App) -> None:
    problem = post(service(app, problems=True), {"customer": "Ada", "password": "correct horse battery"}).json()
    assert (problem["message"], problem["expected"], problem["got"]) == ("body.lines is missing", "a value: it is required", "nothing")
    assert "correct horse" not in str(problem)


def test_a_body_that_is_no_json_is_told(app: App) -> None:
    problem = post(service(app, problems=True), "{").json()
    assert (problem["expected"], problem["got"]) == ("a body that is JSON", "a body that is not")


def test_a_request_that_fits_is_answered_as_ever(app: App) -> None:
    assert post(service(app, problems=True), GOOD).json() == "Ada"


def test_without_problems_fastapi_answers_as_ever(app: App) -> None:
    assert "detail" in post(service(app), {}).json()


def test_a_handler_of_ones_own_is_kept(app: App) -> None:
    api = FastAPI()

    @api.exception_handler(RequestValidationError)
    async def own(_request: Request, _error: RequestValidationError) -> PlainTextResponse:
        return PlainTextResponse("mine", status_code=400)

    setup(api, app, problems=True)

    @api.post("/orders")
    def order(order: Order) -> str:
        return order.customer

    assert post(api, {}).text == "mine"


def test_measure_false_adds_no_middleware(app: App) -> None:
    assert [str(middleware.cls.__name__) for middleware in service(app).user_middleware] == ["MeasureMiddleware"]
    assert service(app, measure=False).user_middleware == []
