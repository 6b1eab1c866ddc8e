"""The vector file that Rust reads too: each line's annotation has that schema, and judges that JSON so."""

import json
from pathlib import Path

import pytest
import value_types
from workaday.values.build import build
from workaday.values.plain import ARGUMENT_BYTES_MAX, load
from workaday.values.refused import ValueRefused

LINES = [json.loads(line) for line in (Path(__file__).parent.parent / "vectors" / "values.jsonl").read_text(encoding="utf-8").splitlines()]


def codec(annotation: str):
    return build(eval(annotation, vars(value_types)))


@pytest.mark.parametrize("annotation", sorted({line["annotation"] for line in LINES}))
def test_an_annotation_has_the_schema_of_its_vectors(annotation: str) -> None:
    schemas = [line["schema"] for line in LINES if line["annotation"] == annotation]
    assert all(schema == codec(annotation).schema for schema in schemas)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['annotation']}-{line['why']}"[:60])
def test_json_is_judged_as_the_vector_says(line: dict) -> None:
    try:
        value = load(line["json"], ARGUMENT_BYTES_MAX)
        read = codec(line["annotation"]).decode(value)
    except ValueRefused:
        assert not line["ok"], line["why"]
        return
    assert line["ok"], line["why"]
    # What was accepted is written again, and that is accepted too.
    again = codec(line["annotation"]).encode(read)
    assert codec(line["annotation"]).decode(json.loads(json.dumps(again))) == read
