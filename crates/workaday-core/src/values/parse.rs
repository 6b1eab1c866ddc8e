//! JSON as a strict reader takes it: no name twice, no number that would lose digits, no bottomless nesting.

use super::{Misfit, MisfitKind};
use crate::job::JSON_DEPTH_MAX;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Reads a text of JSON.
pub fn parse(json: &str) -> Result<Value, Box<Misfit>> {
    scan(json)?;
    let mut reader = serde_json::Deserializer::from_str(json);
    let refuse = |error: serde_json::Error| {
        let what = format!("no strict JSON: {error}");
        Misfit::new(MisfitKind::NotJson, "", what, "JSON text: double quotes, no comments, no NaN, each name once")
    };
    let value = Strict.deserialize(&mut reader).map_err(refuse)?;
    reader.end().map_err(refuse)?;
    Ok(value)
}

/// One pass over the bytes for what the parser would let through: depth, and integers that would silently become floats.
fn scan(json: &str) -> Result<(), Box<Misfit>> {
    let bytes = json.as_bytes();
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_text(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    let got = format!("nested deeper than {JSON_DEPTH_MAX} levels");
                    return Err(Misfit::new(MisfitKind::TooDeep, "", got, format!("at most {JSON_DEPTH_MAX} levels of lists and objects")));
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).count();
                integer_fits(&json[at..at + length])?;
                at += length;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// The position after the closing quote of the text that opens at `at`.
fn after_text(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn integer_fits(number: &str) -> Result<(), Box<Misfit>> {
    let is_integer = !number.contains(['.', 'e', 'E']);
    if is_integer && number.parse::<i64>().is_err() && number.trim_start_matches('-').len() > 18 {
        let shown: String = number.chars().take(40).collect();
        return Err(Misfit::new(
            MisfitKind::NotJson,
            "",
            format!("too wide: the integer {shown}"),
            "integers of 64 bits, signed; pass larger ones as text",
        ));
    }
    Ok(())
}

/// Builds a [`Value`] and refuses a name that comes twice, where the ordinary reader would keep the last.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the name {name:?} stands twice in one object")));
            }
            object.insert(name, entries.next_value_seed(Strict)?);
        }
        Ok(Value::Object(object))
    }
}
