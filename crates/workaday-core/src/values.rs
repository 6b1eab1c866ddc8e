//! Arguments and results: strict JSON, judged against the schema of the catalogue.
//!
//! The subset of JSON Schema and the rules are those of docs/protocol.md, "Values"; Python holds to the same vector file. Nothing is
//! coerced: `"42"` is no integer and `true` is none either. An error names the parameter, what it is and what it should be.

mod canonical;
mod formats;
mod parse;
mod words;

pub use canonical::canonical;
pub use parse::parse;

use crate::explain::{Problem, RetryAdvice};
use crate::job::ARGUMENT_BYTES_MAX;
use crate::nearest::nearest;
use serde_json::{Map, Value};
use words::{expected, show};

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub kind: MisfitKind,
    /// Where: `order_id`, `lines[2].sku`; empty = the whole value.
    pub path: String,
    /// What is there, shortened.
    pub got: String,
    pub expected: String,
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MisfitKind {
    /// No JSON, or JSON that a strict reader refuses: a name twice, a lone surrogate, NaN.
    NotJson,
    TooLarge,
    TooDeep,
    Missing,
    Unexpected,
    Value,
}

impl Misfit {
    fn new(kind: MisfitKind, path: &str, got: impl Into<String>, expected: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind, path: path.to_owned(), got: got.into(), expected: expected.into(), hint: None })
    }

    /// What is wrong, without what was expected: "`order_id` is \"abc\"".
    pub fn finding(&self) -> String {
        match (self.kind, self.path.is_empty()) {
            (MisfitKind::NotJson | MisfitKind::TooLarge | MisfitKind::TooDeep, _) => format!("the arguments are {}", self.got),
            (MisfitKind::Missing, _) => format!("`{}` is missing", self.path),
            (MisfitKind::Unexpected, _) => format!("`{}` is no parameter", self.path),
            (MisfitKind::Value, true) => format!("the arguments are {}", self.got),
            (MisfitKind::Value, false) => format!("`{}` is {}", self.path, self.got),
        }
    }

    /// As the refusal of an enqueue.
    pub fn problem(&self, task: &str) -> Problem {
        let problem = Problem::new("args.invalid", format!("{task} was not enqueued: {}", self.finding()))
            .expected(self.expected.clone())
            .retry(RetryAdvice::SafeAfterFix, "safe after the argument is fixed; nothing was stored");
        match &self.hint {
            Some(hint) => problem.hint(hint.clone()),
            None => problem,
        }
    }
}

/// Judges the arguments of a job: an object, parameter name → value, within the limits.
pub fn check_args(params: &Value, json: &str) -> Result<Value, Box<Misfit>> {
    if json.len() > ARGUMENT_BYTES_MAX {
        let got = format!("{} bytes of JSON", json.len());
        return Err(Misfit::new(
            MisfitKind::TooLarge,
            "",
            got,
            format!("at most {ARGUMENT_BYTES_MAX} bytes; store large data elsewhere and pass its name"),
        ));
    }
    let args = parse(json)?;
    if !args.is_object() {
        return Err(Misfit::new(MisfitKind::Value, "", show(&args), "a JSON object, parameter name to value: {\"order_id\": 42}"));
    }
    check(params, &args)?;
    Ok(args)
}

/// Judges a value against a schema of the subset. A schema that is no object allows everything.
pub fn check(schema: &Value, value: &Value) -> Result<(), Box<Misfit>> {
    judge(schema, value, "")
}

fn judge(schema: &Value, value: &Value, path: &str) -> Result<(), Box<Misfit>> {
    let Some(rules) = schema.as_object() else { return Ok(()) };
    // A pydantic model is judged by pydantic, in the process that has it.
    if rules.contains_key("x-workaday") {
        return Ok(());
    }
    let misfit = || Misfit::new(MisfitKind::Value, path, show(value), expected(schema));
    if let Some(Value::Array(members)) = rules.get("anyOf") {
        return any_of(members, value, path, misfit);
    }
    if let Some(Value::Array(allowed)) = rules.get("enum") {
        return if allowed.iter().any(|one| identical(one, value)) { Ok(()) } else { Err(misfit()) };
    }
    if let Some(fixed) = rules.get("const") {
        return if identical(fixed, value) { Ok(()) } else { Err(misfit()) };
    }
    let Some(kind) = rules.get("type").and_then(Value::as_str) else { return Ok(()) };
    match (kind, value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => Ok(()),
        ("integer", Value::Number(number)) if number.is_i64() => Ok(()),
        ("string", Value::String(text)) => {
            let format = rules.get("format").and_then(Value::as_str);
            if format.is_none_or(|format| formats::fits(format, text)) { Ok(()) } else { Err(misfit()) }
        }
        ("array", Value::Array(items)) => array(rules, items, path, misfit),
        ("object", Value::Object(fields)) => object(rules, fields, path),
        _ => Err(misfit()),
    }
}

/// The first member that fits. If none does, the error is that of the member that came furthest, so that a slip deep in
/// one shape is not reported as "none of five shapes".
fn any_of(members: &[Value], value: &Value, path: &str, misfit: impl Fn() -> Box<Misfit>) -> Result<(), Box<Misfit>> {
    let mut deepest: Option<Box<Misfit>> = None;
    for member in members {
        match judge(member, value, path) {
            Ok(()) => return Ok(()),
            Err(found) if found.path.len() > path.len() && deepest.as_ref().is_none_or(|best| found.path.len() > best.path.len()) => {
                deepest = Some(found);
            }
            Err(_) => {}
        }
    }
    Err(deepest.unwrap_or_else(misfit))
}

fn array(rules: &Map<String, Value>, items: &[Value], path: &str, misfit: impl Fn() -> Box<Misfit>) -> Result<(), Box<Misfit>> {
    let bound = |name: &str| rules.get(name).and_then(Value::as_u64);
    let length = items.len() as u64;
    if bound("minItems").is_some_and(|least| length < least) || bound("maxItems").is_some_and(|most| length > most) {
        return Err(misfit());
    }
    let prefix = rules.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        if let Some(schema) = prefix.get(index).or_else(|| rules.get("items")) {
            judge(schema, item, &format!("{path}[{index}]"))?;
        }
    }
    if rules.get("uniqueItems") == Some(&Value::Bool(true)) {
        // Pairwise: an item may be any JSON, which has no order and no hash. The size limit bounds the list.
        for (index, item) in items.iter().enumerate() {
            if items[..index].iter().any(|other| same(other, item)) {
                let expected = "each item once";
                return Err(Misfit::new(MisfitKind::Value, &format!("{path}[{index}]"), format!("{} again", show(item)), expected));
            }
        }
    }
    Ok(())
}

fn object(rules: &Map<String, Value>, fields: &Map<String, Value>, path: &str) -> Result<(), Box<Misfit>> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let properties = rules.get("properties").and_then(Value::as_object);
    let named = |name: &str| properties.and_then(|properties| properties.get(name));
    let others = rules.get("additionalProperties");
    for (name, value) in fields {
        match (named(name), others) {
            (Some(schema), _) => judge(schema, value, &below(name))?,
            (None, Some(Value::Bool(false))) => return Err(unexpected(properties, name, value, &below(name))),
            (None, Some(schema)) => judge(schema, value, &below(name))?,
            (None, None) => {}
        }
    }
    let required = rules.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            let expected = named(name).map_or_else(|| "a value".to_owned(), expected);
            return Err(Misfit::new(MisfitKind::Missing, &below(name), "nothing", expected));
        }
    }
    Ok(())
}

fn unexpected(properties: Option<&Map<String, Value>>, name: &str, value: &Value, path: &str) -> Box<Misfit> {
    let known: Vec<&str> = properties.map(|properties| properties.keys().map(String::as_str).collect()).unwrap_or_default();
    let expected = match known.as_slice() {
        [] => "no parameters".to_owned(),
        known => format!("one of {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    let mut misfit = Misfit::new(MisfitKind::Unexpected, path, show(value), expected);
    misfit.hint = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
    misfit
}

/// The same JSON value, of the same kind: `1` is neither `1.0` nor `true`.
fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.is_f64() == b.is_f64() && a == b,
        _ => a == b,
    }
}

/// The same for a set: `1` and `1.0` are one element there, as in Python.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64() && (x.is_f64() || y.is_f64()),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests;
