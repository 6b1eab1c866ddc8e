//! The one vector file that Python and Rust hold to: what fits a schema, and what does not.

use serde_json::Value;
use std::path::Path;
use workaday_core::values::{check, parse};

#[test]
fn rust_judges_every_value_as_python_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/values.jsonl");
    let text = std::fs::read_to_string(&path).expect("tests/vectors/values.jsonl, which the Python client reads too");
    let mut wrong = vec![];
    let mut judged = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let vector: Value = serde_json::from_str(line).expect("a vector a line");
        let json = vector["json"].as_str().expect("`json` is the text of a value");
        let fits = parse(json).and_then(|value| check(&vector["schema"], &value)).is_ok();
        if Value::Bool(fits) != vector["ok"] {
            wrong.push(format!(
                "{line}\n  found: {}",
                parse(json).and_then(|value| check(&vector["schema"], &value)).map_or_else(|misfit| misfit.finding(), |()| "fits".into())
            ));
        }
        judged += 1;
    }
    assert!(wrong.is_empty(), "{} of {judged} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(judged > 100, "only {judged} vectors");
}
