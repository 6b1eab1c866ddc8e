//! How the answers of the API are described: the schemas of the OpenAPI document, made from the table in `answers`.
//!
//! Fields are named there and nowhere else in the document; `tests/acceptance/test_openapi_answers.py` asks every route of a
//! store with data and holds the answers against them, so a field that is added, lost or of another type is found. What is
//! ours has no other fields than these; what a task, a schedule or a job brought along is its own.

use super::answers::{SCHEMAS, SERIES};
use serde_json::{Map, Value, json};
use workaday_core::measure::Metric;

/// What stands in a field.
pub(super) enum Is {
    Text,
    Uuid,
    /// ISO 8601 in UTC.
    Instant,
    Whole,
    Number,
    Flag,
    /// Whatever was given: arguments, results, declarations. Secrets in it are masked.
    Any,
    Object,
    /// One of the words that the code knows.
    Word(fn() -> Vec<&'static str>),
    List(&'static Is),
    /// Another schema of this document.
    Of(&'static str),
    /// It may be null.
    Maybe(&'static Is),
}

pub(super) use Is::{Any, Flag, Instant, List, Maybe, Number, Object, Of, Text, Uuid, Whole, Word};

pub(super) type Field = (&'static str, Is, &'static str);

pub(super) struct Schema {
    pub name: &'static str,
    pub fields: &'static [&'static [Field]],
    /// Other fields may stand beside these: others have written it.
    pub is_open: bool,
}

pub(super) const fn ours(name: &'static str, fields: &'static [&'static [Field]]) -> Schema {
    Schema { name, fields, is_open: false }
}

pub(super) const fn theirs(name: &'static str, fields: &'static [&'static [Field]]) -> Schema {
    Schema { name, fields, is_open: true }
}

/// Every schema, by name.
pub(super) fn all() -> Value {
    let mut schemas: Map<String, Value> = SCHEMAS.iter().map(|schema| (schema.name.to_owned(), object(schema))).collect();
    schemas.insert("measure".to_owned(), measure());
    Value::Object(schemas)
}

fn object(schema: &Schema) -> Value {
    let fields = || schema.fields.iter().copied().flatten();
    let properties: Map<String, Value> = fields().map(|(name, is, doc)| ((*name).to_owned(), described(is.schema(), doc))).collect();
    let required: Vec<&str> = fields().map(|(name, ..)| *name).collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": schema.is_open})
}

fn described(mut schema: Value, doc: &str) -> Value {
    if !doc.is_empty() {
        schema["description"] = doc.into();
    }
    schema
}

impl Is {
    fn schema(&self) -> Value {
        match self {
            Text => json!({"type": "string"}),
            Uuid => json!({"type": "string", "format": "uuid"}),
            Instant => json!({"type": "string", "format": "date-time"}),
            Whole => json!({"type": "integer"}),
            Number => json!({"type": "number"}),
            Flag => json!({"type": "boolean"}),
            Any => json!({}),
            Object => json!({"type": "object"}),
            Word(words) => json!({"type": "string", "enum": words()}),
            List(item) => json!({"type": "array", "items": item.schema()}),
            Of(name) => json!({"$ref": format!("#/components/schemas/{name}")}),
            Maybe(Of(name)) => json!({"anyOf": [Of(name).schema(), {"type": "null"}]}),
            Maybe(inner) => {
                let mut schema = inner.schema();
                if let Some(kind) = schema.get("type").cloned() {
                    schema["type"] = json!([kind, "null"]);
                }
                if let Some(Value::Array(words)) = schema.get_mut("enum") {
                    words.push(Value::Null);
                }
                schema
            }
        }
    }
}

/// One minute of one series. It has those measures alone that something was counted for.
fn measure() -> Value {
    let histogram = json!({
        "type": "object", "required": ["sum", "max", "buckets"], "additionalProperties": false,
        "properties": {
            "sum": {"type": "integer"}, "max": {"type": "integer"},
            "buckets": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}, "description": "[value, count] each."},
        },
    });
    let fixed: [Field; 10] = [
        ("minute", Instant, "Its beginning."),
        ("kind", SERIES, ""),
        ("name", Text, ""),
        ("release", Text, ""),
        ("count", Whole, ""),
        ("errors", Whole, ""),
        ("unexpected", Whole, ""),
        ("refused", Whole, ""),
        ("cache_hits", Whole, ""),
        ("cache_misses", Whole, ""),
    ];
    let required: Vec<&str> = fixed.iter().map(|(name, ..)| *name).collect();
    let mut properties: Map<String, Value> =
        fixed.iter().map(|(name, is, doc)| ((*name).to_owned(), described(is.schema(), doc))).collect();
    properties.extend(Metric::ALL.iter().map(|metric| (metric.as_str().to_owned(), histogram.clone())));
    let statement = json!({"type": "object", "properties": {"runs": {"type": "integer"}, "calls_max": {"type": "integer"}}, "required": ["runs", "calls_max"], "additionalProperties": false});
    properties.insert("statements".to_owned(), json!({"type": "object", "additionalProperties": statement}));
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use workaday_core::measure::SeriesKind;

    #[test]
    fn no_name_stands_for_two_things_and_none_for_nothing() {
        let all = all();
        let known: BTreeSet<&str> = all.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(known.len(), SCHEMAS.len() + 1, "a schema twice");
        for schema in SCHEMAS {
            let names: Vec<&str> = schema.fields.iter().copied().flatten().map(|(name, ..)| *name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}: a field twice", schema.name);
        }
        for named in all.to_string().split("#/components/schemas/").skip(1) {
            let name = named.split('"').next().unwrap_or_default();
            assert!(known.contains(name), "{name} is named and not described");
        }
    }

    #[test]
    fn what_the_code_writes_of_a_job_is_what_is_described() {
        let fields =
            |name: &str| -> BTreeSet<String> { all()[name]["properties"].as_object().expect("properties").keys().cloned().collect() };
        let line = workaday_core::measure::line::write(
            workaday_core::clock::Timestamp(0),
            &workaday_core::measure::Series { kind: SeriesKind::Task, name: "shop.charge".into(), release: "r1".into() },
            &workaday_core::measure::Figures::default(),
        );
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let written: BTreeSet<String> = line.as_object().expect("an object").keys().cloned().collect();
        assert!(written.is_subset(&fields("measure")), "{written:?}");
        assert!(fields("summary").is_subset(&fields("job")));
    }
}
