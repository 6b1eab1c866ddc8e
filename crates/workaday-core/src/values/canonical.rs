//! One text for equal arguments, as the Python client writes it: what `unique="args"` compares.

use serde_json::{Map, Number, Value};

/// Compact JSON, the keys of every object sorted, the defaults of the schema written out.
///
/// Texts that mean the same instant or decimal in two spellings stay two: here there is no task code that reads them.
pub fn canonical(params: &Value, args: &Value) -> String {
    let mut whole: Map<String, Value> = args.as_object().cloned().unwrap_or_default();
    for (name, schema) in params.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = schema.get("default")
            && !whole.contains_key(name)
        {
            whole.insert(name.clone(), default.clone());
        }
    }
    let mut text = String::new();
    write(&Value::Object(whole), &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) if number.is_f64() => text.push_str(&float(number)),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (place, (name, member)) in sorted.into_iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// A float as Python's `repr` has it: the same shortest digits as ours, but an exponent from 1e16 on and below 1e-4.
fn float(number: &Number) -> String {
    let value = number.as_f64().unwrap_or_default();
    let (digits, exponent) = format!("{value:e}")
        .split_once('e')
        .map_or((String::new(), 0), |(digits, exponent)| (digits.to_owned(), exponent.parse::<i32>().unwrap_or_default()));
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_arguments_have_one_text_with_their_defaults() {
        let params = json!({"properties": {"copy": {"type": "boolean", "default": false}, "order_id": {"type": "integer"}}});
        assert_eq!(canonical(&params, &json!({"order_id": 7})), r#"{"copy":false,"order_id":7}"#);
        assert_eq!(canonical(&params, &json!({"order_id": 7})), canonical(&params, &json!({"copy": false, "order_id": 7})));
        assert_eq!(
            canonical(&json!({}), &json!({"b": {"d": 1, "c": [null, "Gr\u{fc}\n\u{1}"]}})),
            "{\"b\":{\"c\":[null,\"Gr\u{fc}\\n\\u0001\"],\"d\":1}}"
        );
    }

    /// Texts of `json.dumps` in Python.
    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789_012_345.6, "123456789012345.6"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(canonical(&json!({}), &json!({"x": value})), format!("{{\"x\":{text}}}"));
        }
    }
}
