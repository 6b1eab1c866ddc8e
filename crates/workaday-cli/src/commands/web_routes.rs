//! `web-routes`: the table of routes as JSON, for the tests that walk every one.

use crate::context::Context;
use crate::failure::{DONE, Done};
use serde_json::{Value, json};
use workaday_web::routes;

pub fn run(context: &mut Context) -> Done {
    let routes: Vec<Value> = routes::all()
        .map(|route| {
            json!({
                "method": route.method.as_str(), "path": route.path, "role": route.role().map(|role| role.as_str()), "scope": route.scope(),
                "kind": format!("{:?}", route.kind).to_lowercase(), "doc": route.doc,
            })
        })
        .collect();
    context.out.json(&Value::Array(routes))?;
    Ok(DONE)
}
