//! The OpenAPI 3.1 document, made from the table of routes.

use crate::answer::{self, Answer};
use crate::asked::Asked;
use crate::routes::{self, Kind, Method, Place, Route};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use workaday_core::explain::Problem;

pub fn document(_asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(answer::json(StatusCode::OK, &whole()))
}

/// Everything under /api/v1.
pub fn whole() -> Value {
    let mut paths = Map::new();
    for route in routes::all().filter(|route| route.kind == Kind::Api) {
        let at = paths.entry(route.path).or_insert_with(|| json!({}));
        at[route.method.as_str().to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Workaday", "version": "1",
            "description": "Durable jobs and schedules. Errors are problems with a code that never changes its meaning, what was expected, and whether a retry is safe.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": super::schemas::all()},
    })
}

fn operation(route: &Route) -> Value {
    let field_schema = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Bool(true));
    let of = |place: Place| route.fields.iter().filter(move |field| field.place == place);
    let parameter = |field: &routes::Field, place: &str| json!({"name": field.name, "in": place, "required": field.required, "description": field.doc, "schema": field_schema(field.schema)});
    let places = [(Place::Path, "path"), (Place::Query, "query"), (Place::Header, "header")];
    let parameters: Vec<Value> = places.iter().flat_map(|(place, word)| of(*place).map(|field| parameter(field, word))).collect();
    let mut operation = json!({
        "operationId": operation_id(route), "summary": route.doc, "parameters": parameters,
        "x-role": route.role().map(|role| role.as_str()), "x-scope": route.scope(),
        "responses": responses(route),
    });
    if route.method == Method::Post {
        let properties: Map<String, Value> = of(Place::Body)
            .map(|field| {
                let mut schema = field_schema(field.schema);
                if !field.required {
                    allow_null(&mut schema);
                }
                schema["description"] = field.doc.into();
                (field.name.to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> = of(Place::Body).filter(|field| field.required).map(|field| field.name).collect();
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        operation["requestBody"] = json!({"required": !required.is_empty(), "content": {"application/json": {"schema": schema}}});
    }
    operation
}

/// `null` in a body means the same as leaving the field out.
fn allow_null(schema: &mut Value) {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
}

fn operation_id(route: &Route) -> String {
    let words = route.path.trim_start_matches("/api/v1/").replace(['{', '}'], "").replace('/', "_");
    format!("{}_{words}", route.method.as_str().to_lowercase())
}

fn responses(route: &Route) -> Value {
    let good = json!({"description": "Done.", "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{}", route.answers)}}}});
    let mut responses = json!({ "200": good });
    match route.method {
        Method::Post => {
            responses["201"] = good.clone();
            responses["202"] = good;
        }
        Method::Delete => responses["202"] = good,
        Method::Get => {}
    }
    for (status, description) in [
        ("400", "The request does not read."),
        ("401", "No token, or one that opens nothing."),
        ("403", "Not with this role or scope, or from a foreign page."),
        ("404", "There is no such thing."),
        ("408", "The body did not come."),
        ("409", "Not in its present state."),
        ("413", "Too large."),
        ("415", "The body is not JSON."),
        ("421", "Not a host that is served here."),
        ("422", "A value does not fit."),
        ("429", "Too many requests."),
        ("503", "The store is busy, or the disk is full."),
    ] {
        responses[status] = json!({"description": description, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}});
    }
    responses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_api_is_in_the_document_with_an_answer_that_is_described() {
        let document = whole();
        for route in routes::all().filter(|route| route.path.starts_with("/api/v1")) {
            let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
            assert_eq!(operation["summary"], route.doc, "{}", route.path);
            assert!(document["components"]["schemas"][route.answers].is_object(), "{}: {}", route.path, route.answers);
            for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(route.fields.iter().any(|field| field.name == name && field.place == Place::Path), "{}: {name}", route.path);
            }
        }
    }
}
