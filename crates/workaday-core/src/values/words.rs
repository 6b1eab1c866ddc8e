//! Schemas and values in words, for "expected" and "got".

use serde_json::Value;

/// What a schema asks for: "an integer", "a list of text", "one of \"a\", \"b\"".
pub fn expected(schema: &Value) -> String {
    let Some(rules) = schema.as_object() else { return "any JSON value".into() };
    if let Some(Value::Array(members)) = rules.get("anyOf") {
        return members.iter().map(expected).collect::<Vec<_>>().join(", or ");
    }
    if let Some(Value::Array(allowed)) = rules.get("enum") {
        return match allowed.as_slice() {
            [one] => one.to_string(),
            many => format!("one of {}", many.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")),
        };
    }
    if let Some(fixed) = rules.get("const") {
        return fixed.to_string();
    }
    match rules.get("type").and_then(Value::as_str) {
        Some("null") => "null".into(),
        Some("boolean") => "true or false".into(),
        Some("integer") => "an integer".into(),
        Some("number") => "a finite number".into(),
        Some("string") => format(rules.get("format").and_then(Value::as_str)).into(),
        Some("array") => array(rules),
        Some("object") => object(rules),
        _ => "any JSON value".into(),
    }
}

fn format(format: Option<&str>) -> &'static str {
    match format {
        Some("date") => "a date: \"2024-02-29\"",
        Some("date-time") => "a date and time with its offset: \"2024-02-29T03:15:00+00:00\"",
        Some("time") => "a time: \"03:15:00\"",
        Some("duration") => "a length of time in ISO 8601: \"PT90S\", \"P1DT2H\"",
        Some("uuid") => "a UUID",
        Some("decimal") => "a decimal number as text: \"12.50\"",
        Some("base64") => "bytes in base64",
        _ => "text",
    }
}

fn array(rules: &serde_json::Map<String, Value>) -> String {
    if let Some(Value::Array(members)) = rules.get("prefixItems") {
        return format!("a list of {}: [{}]", members.len(), members.iter().map(expected).collect::<Vec<_>>().join("; "));
    }
    let unique = if rules.get("uniqueItems") == Some(&Value::Bool(true)) { " without repeats" } else { "" };
    match rules.get("items").filter(|items| items.as_object().is_some_and(|items| !items.is_empty())) {
        Some(items) => format!("a list{unique}, each item {}", expected(items)),
        None => format!("a list{unique}"),
    }
}

fn object(rules: &serde_json::Map<String, Value>) -> String {
    match rules.get("properties").and_then(Value::as_object).filter(|properties| !properties.is_empty()) {
        Some(properties) => format!("an object with {}", properties.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        None => match rules.get("additionalProperties").filter(|schema| schema.as_object().is_some_and(|schema| !schema.is_empty())) {
            Some(values) => format!("an object whose values are each {}", expected(values)),
            None => "an object".into(),
        },
    }
}

/// A value as JSON, cut so that a message stays a line.
pub fn show(value: &Value) -> String {
    const CHARS_MAX: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
