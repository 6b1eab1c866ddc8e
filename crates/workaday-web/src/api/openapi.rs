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
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": schemas()},
    })
}

fn operation(route: &Route) -> Value {
    let field_schema = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Bool(true));
    let of = |place: Place| route.fields.iter().filter(move |field| field.place == place);
    let parameter = |field: &routes::Field, place: &str| json!({"name": field.name, "in": place, "required": field.required, "description": field.doc, "schema": field_schema(field.schema)});
    let parameters: Vec<Value> =
        of(Place::Path).map(|field| parameter(field, "path")).chain(of(Place::Query).map(|field| parameter(field, "query"))).collect();
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

fn schemas() -> Value {
    let list = |name: &str, item: &str| {
        let items = if item.is_empty() { json!({"type": "object"}) } else { json!({"$ref": format!("#/components/schemas/{item}")}) };
        json!({"type": "object", "required": [name], "properties": {name: {"type": "array", "items": items}, "next": {"description": "Ask for the next page with this; null: there is none."}}})
    };
    let id = json!({"type": "string", "format": "uuid"});
    let instant = json!({"type": ["string", "null"]});
    json!({
        "problem": {
            "type": "object", "required": ["code", "message", "expected", "retry", "status", "id"],
            "properties": {
                "code": {"type": "string", "description": "Listed in docs/reference/errors.md; never changes its meaning."},
                "message": {"type": "string"}, "expected": {"type": "string"}, "got": {"type": ["string", "null"]},
                "retry": {"type": "string", "enum": ["safe", "safe_after_fix", "check_first", "never"]},
                "retry_note": {"type": ["string", "null"]}, "hint": {"type": ["string", "null"]}, "docs": {"type": "string"},
                "status": {"type": "integer"}, "id": {"type": "string", "description": "By which the log finds the request."},
            },
        },
        "done": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}},
        "summary": {
            "type": "object", "required": ["id", "task", "queue", "state", "attempt", "created_at", "run_at"],
            "properties": {
                "id": id, "task": {"type": "string"}, "queue": {"type": "string"},
                "state": {"type": "string", "enum": ["pending", "scheduled", "available", "running", "retryable", "completed", "cancelled", "discarded"]},
                "held": {"type": ["string", "null"]}, "reason": {"type": ["string", "null"]}, "priority": {"type": "integer"},
                "attempt": {"type": "integer"}, "created_at": {"type": "string"}, "run_at": {"type": "string"}, "finished_at": instant,
            },
        },
        "job": {"allOf": [{"$ref": "#/components/schemas/summary"}, {"type": "object", "required": ["args", "attempts"], "properties": {"attempts": {"type": "array", "items": {"type": "object"}}}}]},
        "jobs": list("jobs", "summary"), "logs": list("lines", ""), "tasks": list("tasks", ""), "task": {"type": "object", "required": ["name"]},
        "queues": list("queues", ""), "schedules": list("schedules", ""), "schedule": {"type": "object", "required": ["name", "task", "state"]},
        "ticks": list("ticks", ""), "workers": list("workers", ""), "releases": list("releases", ""),
        "release": {"type": "object", "required": ["release", "state", "steps"]}, "baselines": list("baselines", ""), "measures": list("measures", ""),
        "alerts": list("alerts", ""), "audit": list("audit", ""),
    })
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
