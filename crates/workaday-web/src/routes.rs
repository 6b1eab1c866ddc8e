//! Every route, once: who may use it, what it takes, what it does. The router, the OpenAPI document, the role matrix and
//! docs/security.md come from this table, so a route without a role or a description cannot be.

use crate::answer::Answer;
use crate::asked::Asked;
use crate::page::{Page, PageContext, Role};
use crate::{acts, api, health, login, metrics, pages};
use workaday_core::explain::Problem;
use workaday_store::Reader;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }

    pub const fn is_safe(self) -> bool {
        matches!(self, Method::Get)
    }
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: it tells nothing and changes nothing of the store.
    Public,
    /// Of this role or above; a token needs the scope too.
    Role(Role, &'static str),
}

/// What kind of answer, and so how a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Page,
    /// A form of a page; not for tokens.
    Action,
    Api,
    Plain,
}

pub type PageOf = fn(&Reader, &PageContext) -> Result<Page, Problem>;
pub type Work = fn(&Asked<'_>) -> Result<Answer, Problem>;

#[derive(Clone, Copy)]
pub enum Does {
    Page(PageOf),
    Work(Work),
    /// The stream of changes.
    Stream,
}

/// A value that a route takes: in the path, after the `?`, in a header, or in the body.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub place: Place,
    /// JSON Schema of the value.
    pub schema: &'static str,
    pub required: bool,
    pub doc: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
    Header,
    Body,
}

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub kind: Kind,
    pub doc: &'static str,
    pub fields: &'static [Field],
    /// Name of the schema that a good answer has, for the API.
    pub answers: &'static str,
    pub does: Does,
}

impl Route {
    pub fn role(&self) -> Option<Role> {
        match self.access {
            Access::Public => None,
            Access::Role(role, _) => Some(role),
        }
    }

    pub fn scope(&self) -> Option<&'static str> {
        match self.access {
            Access::Public => None,
            Access::Role(_, scope) => Some(scope),
        }
    }
}

const VIEW: Access = Access::Role(Role::Viewer, "read");
const ADMIN: Access = Access::Role(Role::Admin, "read");

const fn page(path: &'static str, doc: &'static str, access: Access, page: PageOf) -> Route {
    Route { method: Method::Get, path, access, kind: Kind::Page, doc, fields: PAGE, answers: "page", does: Does::Page(page) }
}

const fn plain(path: &'static str, doc: &'static str, access: Access, work: Work) -> Route {
    Route { method: Method::Get, path, access, kind: Kind::Plain, doc, fields: &[], answers: "", does: Does::Work(work) }
}

/// A field after the `?`.
pub const fn query(name: &'static str, schema: &'static str, doc: &'static str) -> Field {
    Field { name, place: Place::Query, schema, required: false, doc }
}

const PAGE: &[Field] = &[
    query("format", r#"{"type":"string","enum":["json"]}"#, "The page as JSON."),
    query("region", r#"{"type":"string","maxLength":40}"#, "Only this part, as HTML."),
];

/// All of them but the API and the actions, which keep their own tables beside their code.
const OWN: &[Route] = &[
    page("/", "Does anything need me?", VIEW, pages::today),
    page("/jobs", "Jobs, filtered by the query.", VIEW, pages::jobs),
    page("/jobs/{id}", "One job: why it is in its state.", VIEW, pages::job),
    page("/errors", "Errors, grouped.", VIEW, pages::errors),
    page("/errors/{fingerprint}", "One group of errors.", VIEW, pages::error_group),
    page("/schedules", "What is due, and what became of it.", VIEW, pages::schedules),
    page("/schedules/{name}", "One schedule.", VIEW, pages::schedule),
    page("/queues", "Queues and workers.", VIEW, pages::queues),
    page("/tasks/{name}", "One task.", VIEW, pages::task),
    page("/releases", "Releases.", VIEW, pages::releases),
    page("/releases/{id}", "One release.", VIEW, pages::release),
    page("/compare", "Before and after.", VIEW, pages::compare),
    page("/checklist", "What is found, and how to mend it.", VIEW, pages::checklist),
    page("/audit", "Who did what, and why.", ADMIN, pages::audit),
    page("/about", "This program.", VIEW, pages::about),
    Route {
        method: Method::Get,
        path: "/events",
        access: VIEW,
        kind: Kind::Plain,
        doc: "Names of regions that changed, as server-sent events.",
        fields: &[],
        answers: "",
        does: Does::Stream,
    },
    plain("/login", "The form to log in, or to use a one-time link.", Access::Public, login::form),
    Route {
        method: Method::Post,
        path: "/login",
        access: Access::Public,
        kind: Kind::Action,
        doc: "Log in.",
        fields: &[],
        answers: "",
        does: Does::Work(login::log_in),
    },
    plain("/logout", "The form to log out.", VIEW, login::log_out_form),
    Route {
        method: Method::Post,
        path: "/logout",
        access: VIEW,
        kind: Kind::Action,
        doc: "Log out: the session ends here, whatever the browser keeps.",
        fields: &[],
        answers: "",
        does: Does::Work(login::log_out),
    },
    plain("/static/{file}", "Stylesheets and scripts of the pages.", Access::Public, login::static_file),
    plain("/health", "The program answers.", Access::Public, health::live),
    plain("/health/ready", "It can take work: the store can be written, the lag is within its limit.", Access::Public, health::ready),
    plain("/health/deep", "Each check, with value and limit.", Access::Role(Role::Viewer, "metrics"), health::deep),
    plain("/metrics", "For Prometheus.", Access::Role(Role::Viewer, "metrics"), metrics::scrape),
    plain("/api/openapi.json", "This API, described.", VIEW, api::document),
];

/// Every route there is.
pub fn all() -> impl Iterator<Item = &'static Route> {
    OWN.iter().chain(acts::ROUTES).chain(api::ROUTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_once_and_what_acts_needs_a_role_above_looking() {
        let mut seen = BTreeSet::new();
        for route in all() {
            assert!(seen.insert((route.method.as_str(), route.path)), "{} twice", route.path);
            assert!(route.doc.ends_with(['.', '?']), "{}: {}", route.path, route.doc);
            let open_to_all = ["/login", "/static/{file}", "/health", "/health/ready"];
            assert_eq!(route.access == Access::Public, open_to_all.contains(&route.path), "{}", route.path);
            let of_oneself = ["/login", "/logout", "/actions/theme"];
            if !route.method.is_safe() && !of_oneself.contains(&route.path) {
                assert!(route.role() >= Some(Role::Operator), "{} {} acts and needs an operator", route.method.as_str(), route.path);
            }
            let named: Vec<_> = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            for field in route.fields {
                assert!(serde_json::from_str::<serde_json::Value>(field.schema).is_ok(), "{} {}", route.path, field.schema);
                assert!(field.place != Place::Path || named.contains(&field.name), "{} {}", route.path, field.name);
            }
        }
    }
}
