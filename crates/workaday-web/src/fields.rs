//! The values of a request, judged against what its route declares: nothing else is taken, and each has its type.

use crate::answer::invalid;
use crate::asked::Asked;
use crate::routes::{Field, Place};
use serde_json::{Map, Value};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::values;

/// What was given, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// Text; an empty one is as good as none.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
            || self.text(name).is_some_and(|text| ["yes", "true", "on", "1"].contains(&text))
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(Value::String(one)) if !one.is_empty() => vec![one.clone()],
            _ => vec![],
        }
    }

    pub fn needed(&self, name: &str, what: &str) -> Result<&str, Problem> {
        self.text(name).ok_or_else(|| invalid(format!("`{name}` is missing"), what))
    }
}

/// Of a form: text, and lists where a name repeats. Fields that are not known do nothing.
pub fn of_form(asked: &Asked<'_>) -> Fields {
    let mut fields = Map::new();
    for (name, value) in asked.form().0 {
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, Value::String(value));
            }
            Some(Value::Array(items)) => items.push(Value::String(value)),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
        }
    }
    Fields(fields)
}

/// Of an API request: the body's object and the query, every field declared and of its type.
pub fn of_api(asked: &Asked<'_>) -> Result<Fields, Problem> {
    let declared = |name: &str, place: Place| asked.route.fields.iter().find(|field| field.name == name && field.place == place);
    let mut fields = Map::new();
    for (name, value) in asked.json()? {
        let field = declared(&name, Place::Body).ok_or_else(|| unknown(asked.route.fields, &name, Place::Body))?;
        // `null` means the same as leaving it out.
        if value.is_null() {
            continue;
        }
        judge(field, &value)?;
        fields.insert(name, value);
    }
    for (name, text) in &asked.query.0 {
        let field = declared(name, Place::Query).ok_or_else(|| unknown(asked.route.fields, name, Place::Query))?;
        if fields.contains_key(name) {
            return Err(invalid(format!("`{}` is given twice", shortened(name)), "once"));
        }
        let value = typed(field, text);
        judge(field, &value)?;
        fields.insert(name.clone(), value);
    }
    if let Some(field) =
        asked.route.fields.iter().find(|field| field.required && field.place != Place::Path && !fields.contains_key(field.name))
    {
        return Err(invalid(format!("`{}` is missing", field.name), field.doc));
    }
    Ok(Fields(fields))
}

fn schema(field: &Field) -> Value {
    serde_json::from_str(field.schema).unwrap_or(Value::Bool(true))
}

/// A value of the query as its schema reads it.
fn typed(field: &Field, text: &str) -> Value {
    let kind = schema(field)["type"].as_str().unwrap_or("string").to_owned();
    let read = match kind.as_str() {
        "integer" | "boolean" => serde_json::from_str(text).ok(),
        _ => None,
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn judge(field: &Field, value: &Value) -> Result<(), Problem> {
    let schema = schema(field);
    values::check(&schema, value).map_err(|misfit| {
        let path = if misfit.path.is_empty() { field.name.to_owned() } else { format!("{}.{}", field.name, misfit.path) };
        invalid(format!("`{path}` is {}", misfit.got), misfit.expected.clone())
    })?;
    bounds(field, &schema, value)
}

/// What the schemas of tasks do not know: bounds.
fn bounds(field: &Field, schema: &Value, value: &Value) -> Result<(), Problem> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_i64);
    let (least, most) = match value {
        Value::Number(_) => (limit("minimum"), limit("maximum")),
        Value::String(_) => (limit("minLength"), limit("maxLength")),
        Value::Array(_) => (None, limit("maxItems")),
        _ => (None, None),
    };
    let size = match value {
        Value::Number(number) => number.as_i64().unwrap_or(i64::MAX),
        Value::String(text) => text.chars().count() as i64,
        Value::Array(items) => items.len() as i64,
        _ => 0,
    };
    if least.is_none_or(|least| size >= least) && most.is_none_or(|most| size <= most) {
        return Ok(());
    }
    let what = if value.is_number() { "" } else { " long" };
    let expected = match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}{what}"),
        (Some(least), None) => format!("at least {least}{what}"),
        (None, most) => format!("at most {}{what}", most.unwrap_or(0)),
    };
    Err(invalid(format!("`{}` is out of its bounds", field.name), expected).got(size.to_string()))
}

fn unknown(fields: &[Field], name: &str, place: Place) -> Problem {
    let known: Vec<&str> = fields.iter().filter(|field| field.place == place).map(|field| field.name).collect();
    let problem = invalid(
        format!("`{}` is not known here", shortened(name)),
        if known.is_empty() { "nothing".to_owned() } else { format!("one of {}", known.join(", ")) },
    );
    match workaday_core::nearest::nearest(name, known.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.retry(RetryAdvice::SafeAfterFix, "safe without it; nothing was changed"),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
