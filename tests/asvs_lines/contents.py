"""What people send and jobs carry: it stays a value, is judged, and names no code."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from house import House, corpus

from asvs_lines.common import TREE, Parsed, everything, line, query, refused


@line("1.2.1, 1.2.3, 3.2.2", "What a job carries stays text: no new element, attribute or handler in any page")
def text_stays_text(house: House) -> str:
    strings = corpus("xss.txt")
    ids = [house.enqueue({"order_id": 1, "note": text}, tags=[text[:100]], priority=-1) for text in strings]
    bad = house.enqueue({"order_id": -1, "note": strings[0]})
    house.project.wait_state(ids[-1], "completed")
    house.project.wait_state(bad, "retryable", "discarded")
    pages = [house.filled(route["path"]) for route in house.routes() if route["kind"] == "page"]
    pages += [f"/jobs/{job}" for job in ids]
    for text in strings:
        pages += [f"/jobs?{query(text=text)}", f"/jobs?{query(task=text)}", f"/compare?{query(a=text)}", f"/login?{query(next=text)}"]
    for page in pages:
        answer = house.ask("GET", page, cookie=house.cookies["admin"])
        assert answer.status < 500, (page, answer.text)
        assert not Parsed(answer.text).dangers(), (page, Parsed(answer.text).dangers())
    for text in strings:
        form = [("ids", job) for job in ids[:3]] + [("reason", text), ("back", text)]
        answer = house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form=form)
        assert not Parsed(answer.text).dangers(), (text, answer.text)
    return f"{len(strings)} hostile strings in arguments, tags, queries and forms; {len(pages)} pages parsed"


@line("2.2.1, 2.2.2, 15.3.3, 15.3.7", "Every parameter of the API: wrong type, huge, negative, repeated or unknown is refused with words")
def parameters_are_judged(house: House) -> str:
    document = house.ask("GET", "/api/openapi.json", token=house.tokens["viewer"]).json
    tried = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            address = house.filled(path)
            token = house.tokens["admin"]
            names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
            wrong = [f"{address}?{name}={value}" for name in names for value in ("x" * 5000, "-1", "%00", "1e99")]
            wrong = [one for one in wrong if not re.search(r"[?](task|queue|tag|name|release)=", one)]
            wrong += [f"{address}?nothing_like_it=1", *(f"{address}?{name}=1&{name}=1" for name in names[:1])]
            if method == "get":
                for one in wrong:
                    answer = house.ask("GET", one, token=token)
                    assert refused(answer, 400, 422) and answer.json["expected"], (one, answer.status, answer.text)
                    tried += 1
            if method == "post":
                fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
                bodies: list[Any] = [[], "text", 7, {"nothing_like_it": 1}]
                bodies += [{name: value} for name in fields for value in (1.5, [[]], "x" * 100_000) if not (name == "args" and value == {})]
                for one in bodies:
                    answer = house.ask("POST", address, token=token, body=one)
                    assert refused(answer, 400, 409, 413, 422), (address, one, answer.status, answer.text)
                    assert answer.json["code"] and answer.json["retry"]
                    tried += 1
    return f"{tried} requests with a value that does not fit, each answered 4xx with what was expected"


CODE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "__import__('os').system('touch pwned')",
    "{{7*7}} ${7*7} #{7*7}",
    "cos\nsystem\n(S'touch pwned'\ntR.",
    "!!python/object/apply:os.system ['touch pwned']",
    '{"__class__": "os.system", "args": ["touch pwned"]}',
    '{"exc_type": "os.system", "exc_message": "touch pwned"}',
    "'; DROP TABLE workaday_jobs; --",
    '" OR 1=1 --',
]
LOADERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "jsonpickle"}
RUNNERS = {"eval", "exec", "os.system", "os.popen", "os.execl", "commands.getoutput"}

PUT_TOGETHER = {
    "sqlite/backup.rs": "names of tables, read from the file itself and quoted",
    "sqlite/restore.rs": "the same",
    "rehearsal/postgres.rs": "the name of the scratch database, made by the program",
}
"""The only places where a statement is put together, and of what."""


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def runners(source: str) -> list[str]:
    """What in a Python file could make code or a shell's words of data."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found += [dotted(node.func)] if dotted(node.func) in RUNNERS else []
            found += [word.arg for word in node.keywords if word.arg == "shell" and ast.unparse(word.value) != "False"]
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.partition(".")[0] in LOADERS]
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LOADERS:
            found.append(node.module or "")
    return found


@line(
    "1.2.4, 1.2.5, 1.3.2, 1.5.2",
    "Data is never code: not SQL, not a shell's words, not a class to load, neither in what runs nor in what is written",
)
def data_is_no_code(house: House) -> str:
    assert runners("import pickle\nos.system('x')\nrun('x', shell=True)") == ["pickle", "os.system", "shell"]
    python = sorted((TREE / "python/workaday").rglob("*.py"))
    for file in python:
        assert not runners(file.read_text(encoding="utf-8")), (file.name, runners(file.read_text(encoding="utf-8")))
    rust = [file for file in (TREE / "crates").glob("*/src/**/*.rs") if "testkit" not in str(file)]
    for file in rust:
        works = file.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
        if file.name != "tests.rs":
            assert not re.search(r'Command::new\("(/bin/)?(sh|bash|dash)"', works), file.name
        if f"{file.parent.name}/{file.name}" not in PUT_TOGETHER:
            assert not re.search(r'format!\(\s*"(SELECT|INSERT|UPDATE|DELETE|DROP|ALTER) ', works), file.name
    ids = [house.enqueue({"order_id": 1, "note": text}) for text in CODE]
    for text, job in zip(CODE, ids, strict=True):
        house.project.wait_state(job, "completed")
        result = house.ask("GET", f"/api/v1/jobs/{job}", token=house.tokens["viewer"]).json
        assert result["args"]["note"] == text and result["result"] == text, result
        for place in (f"/api/v1/jobs?{query(task=text)}", f"/api/v1/jobs?{query(tag=text[:300])}"):
            assert house.ask("GET", place, token=house.tokens["viewer"]).json["jobs"] == [], place
    for body in ({"__class__": "os.system"}, {"order_id": {"__class__": "os.system"}}, {"order_id": 1, "exc_type": "os.system"}):
        answer = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body={"task": "shop.send_invoice", "args": body})
        assert answer.status == 422, (body, answer.text)
    named = house.ask(
        "POST", "/api/v1/jobs", token=house.tokens["operator"], body={"task": "os.system", "args": {"command": "touch pwned"}}
    )
    assert named.status == 404 and not list(Path(house.project.root).rglob("pwned"))
    return f"{len(python)} Python and {len(rust)} Rust files read, {len(PUT_TOGETHER)} of which put a statement together, of names of tables and databases; {len(CODE)} values of another language came back as they were sent, and ran nowhere"


@line("1.2.10", "Nothing is written for a spreadsheet, so no value can be a formula in one")
def no_sheet_is_written(house: House) -> str:
    seen = 0
    for _, path in everything(house, "GET"):
        for twin in (path, f"{path}?format=csv"):
            answer = house.ask("GET", twin, cookie=house.cookies["admin"], headers={"Accept": "text/csv, application/vnd.ms-excel"})
            kind = (answer.header("content-type") or "").partition(";")[0]
            assert kind in ("text/html", "application/json", "application/problem+json", "text/plain", "text/event-stream"), (twin, kind)
            assert answer.header("content-disposition") is None, twin
            seen += 1
    lines = house.project.workaday("measures", "export").lines()
    assert all(isinstance(one, dict) for one in lines)
    assert json.loads(house.project.workaday("job", "list", "--json").out)
    return f"{seen} answers, asked for as a sheet, are HTML, JSON or plain text and no download; the one export, `measures export`, is JSON Lines"
