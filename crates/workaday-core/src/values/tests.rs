use super::*;
use serde_json::json;

fn params() -> Value {
    json!({
        "type": "object",
        "properties": {
            "order_id": {"type": "integer", "format": "int64"},
            "copy": {"type": "boolean"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"], "additionalProperties": false}},
            "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "size": {"enum": ["s", "m", 1]},
            "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
        },
        "required": ["order_id"], "additionalProperties": false
    })
}

fn refused(args: &str) -> Misfit {
    *check_args(&params(), args).expect_err(args)
}

#[test]
fn arguments_that_fit_are_returned() {
    let args =
        r#"{"order_id": 42, "copy": true, "lines": [{"sku": "a"}], "when": "2024-02-29", "size": 1, "pair": [1, "b"], "tags": ["x", "y"]}"#;
    assert_eq!(check_args(&params(), args).unwrap()["order_id"], 42);
}

#[test]
fn a_refusal_names_the_parameter_what_it_is_and_what_it_should_be() {
    let problem = refused(r#"{"order_id": "abc"}"#).problem("shop.send_invoice");
    assert_eq!(
        problem.to_string(),
        "error[args.invalid]: shop.send_invoice was not enqueued: `order_id` is \"abc\"\n  expected: an integer\n  \
         retry:    safe after the argument is fixed; nothing was stored"
    );
}

#[test]
fn each_slip_is_found_where_it_is() {
    for (args, finding, expected) in [
        (r#"{}"#, "`order_id` is missing", "an integer"),
        (r#"{"order_id": 1.0}"#, "`order_id` is 1.0", "an integer"),
        (r#"{"order_id": true}"#, "`order_id` is true", "an integer"),
        (r#"{"order_id": null}"#, "`order_id` is null", "an integer"),
        (r#"{"order_id": 1, "copy": 1}"#, "`copy` is 1", "true or false"),
        (r#"{"order_id": 1, "lines": [{"sku": "a"}, {"sku": 7}]}"#, "`lines[1].sku` is 7", "text"),
        (r#"{"order_id": 1, "lines": [{}]}"#, "`lines[0].sku` is missing", "text"),
        (r#"{"order_id": 1, "when": "2023-02-29"}"#, "`when` is \"2023-02-29\"", "a date: \"2024-02-29\", or null"),
        (r#"{"order_id": 1, "size": 1.0}"#, "`size` is 1.0", "one of \"s\", \"m\", 1"),
        (r#"{"order_id": 1, "pair": [1]}"#, "`pair` is [1]", "a list of 2: [an integer; text]"),
        (r#"{"order_id": 1, "pair": ["b", 1]}"#, "`pair[0]` is \"b\"", "an integer"),
        (r#"{"order_id": 1, "tags": ["x", "x"]}"#, "`tags[1]` is \"x\" again", "each item once"),
        (r#"[1]"#, "the arguments are [1]", "a JSON object, parameter name to value: {\"order_id\": 42}"),
    ] {
        let misfit = refused(args);
        assert_eq!((misfit.finding().as_str(), misfit.expected.as_str()), (finding, expected), "{args}");
    }
}

#[test]
fn a_mistyped_parameter_is_told_its_nearest_name() {
    let misfit = refused(r#"{"order_id": 1, "coppy": true}"#);
    assert_eq!(misfit.finding(), "`coppy` is no parameter");
    assert_eq!(misfit.hint.as_deref(), Some("did you mean `copy`?"));
}

#[test]
fn what_a_strict_reader_refuses_is_refused() {
    for args in [
        r#"{"order_id": NaN}"#,
        r#"{"order_id": 1, "order_id": 2}"#,
        r#"{"order_id": 1} x"#,
        r#"{"order_id": 9223372036854775808}"#,
        r#"{"order_id": -9223372036854775809}"#,
        r#"{"order_id": 99999999999999999999999999}"#,
        r#"{"order_id": 1e999}"#,
        r#"{'order_id': 1}"#,
        "{\"order_id\": \"\\ud800\"}",
        "",
        "{",
    ] {
        assert_eq!(refused(args).kind, MisfitKind::NotJson, "{args}");
    }
    assert!(check_args(&params(), r#"{"order_id": -9223372036854775808}"#).is_ok());
}

#[test]
fn depth_and_size_have_their_limits() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(64)).is_ok());
    assert_eq!(parse(&nested(65)).unwrap_err().kind, MisfitKind::TooDeep);
    assert_eq!(parse(&"[".repeat(1_000_000)).unwrap_err().kind, MisfitKind::TooDeep, "no stack is spent on it");
    assert!(
        parse(r#""[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""#).is_ok(),
        "brackets in text are no nesting"
    );
    let large = format!(r#"{{"order_id": 1, "tags": ["{}"]}}"#, "x".repeat(ARGUMENT_BYTES_MAX));
    assert_eq!(refused(&large).kind, MisfitKind::TooLarge);
}

#[test]
fn formats_take_what_python_writes_and_no_looser_form() {
    let fits = |format: &str, text: &str| check(&json!({"type": "string", "format": format}), &json!(text)).is_ok();
    for (format, good, bad) in [
        ("date", &["2024-02-29", "0001-01-01"][..], &["2023-02-29", "20240229", "2024-2-29", "2024-W01-1", ""][..]),
        (
            "date-time",
            &["2024-02-29T03:15:00+01:00", "2024-02-29T03:15:00.123456Z"],
            &["2024-02-29T03:15:00", "2024-02-29", "2024-02-29T24:00:00Z", "2024-02-29T03:15:60Z"],
        ),
        ("time", &["03:15:00", "03:15:00.5"], &["3:15", "03:15:00+02:00", "25:00:00", "03:15:00.1234567"]),
        ("duration", &["PT90S", "P1DT2H30M", "-P1D", "PT0.5S"], &["P", "PT", "1D", "P1Y", "P2W", "P1M", "PT1S1M", "PT.5S", "PT1.5H"]),
        (
            "uuid",
            &["01890a5d-ac96-774b-bcce-b302099a8057"],
            &["01890a5dac96774bbcceb302099a8057", "{01890a5d-ac96-774b-bcce-b302099a8057}"],
        ),
        ("decimal", &["12.50", "-0", "1E+3"], &["NaN", "Infinity", "1,5", "", ".", ".5", "5.", "+1", "0x1"]),
        ("base64", &["", "aGk=", "aGkh"], &["aGk", "aG k", "a===", "aGk-"]),
    ] {
        for text in good {
            assert!(fits(format, text), "{format} takes {text:?}");
        }
        for text in bad {
            assert!(!fits(format, text), "{format} refuses {text:?}");
        }
    }
}

#[test]
fn a_pydantic_model_is_left_to_pydantic() {
    assert!(check(&json!({"x-workaday": "pydantic", "type": "object", "required": ["a"]}), &json!({})).is_ok());
}

#[test]
fn a_slip_deep_in_one_shape_of_a_union_is_reported_there() {
    let shape = json!({"anyOf": [{"type": "null"}, {"type": "object", "properties": {"sku": {"type": "string"}}}]});
    assert_eq!(check(&shape, &json!({"sku": 3})).unwrap_err().path, "sku");
    assert_eq!(check(&shape, &json!(3)).unwrap_err().expected, "null, or an object with `sku`");
}
