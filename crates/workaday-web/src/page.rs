//! What a page is: a function from the store and the question to a document, on a thread that may block.
//!
//! Pages neither know HTTP nor write: they get a [`Reader`](workaday_store::Reader) and a [`PageContext`], and answer a
//! [`Page`]: the document for people, and its twin as JSON.

use serde_json::Value;
use workaday_core::clock::Timestamp;

/// What somebody may do. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Acts on jobs, tasks, queues and schedules.
    Operator,
    /// Sees who did what, and who may.
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(())
    }
}

/// Who looks at a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub name: String,
    pub role: Role,
}

/// Light or dark, as chosen with the button; `Auto` follows the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Theme::Auto, Theme::Light, Theme::Dark].into_iter().find(|theme| theme.as_str() == text)
    }
}

/// Names and values after the `?`, or of a form, in their order. Names may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(pub Vec<(String, String)>);

impl Query {
    /// The first value of this name; an empty one is as good as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, value)| own == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Every value of a name that repeats.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, value)| own == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// As it stands in a URL; nothing in it needs further escaping but `&` in HTML.
    pub fn to_text(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.0);
        text.finish()
    }

    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }
}

/// What is asked, and by whom.
#[derive(Clone, Debug)]
pub struct PageContext {
    pub now: Timestamp,
    pub viewer: Viewer,
    /// What this store is called: the app's name, else that of its folder.
    pub app: String,
    /// `[web] environment`: production, staging …
    pub environment: Option<String>,
    pub release: Option<String>,
    /// The path that was asked for, decoded by nobody.
    pub path: String,
    /// Path parameters in their order, decoded.
    pub params: Vec<String>,
    pub query: Query,
    pub theme: Theme,
    /// Only this part of the page is wanted, as HTML.
    pub region: Option<String>,
    /// One sentence to show first: what became of an action. Plain text.
    pub notice: Option<String>,
    /// What the notice speaks of can still be undone: the value of the field `undo` for `/actions/undo`.
    pub undo: Option<String>,
    /// Instants are shown in this zone.
    pub zone: String,
    /// `[schedules] tz`: the zone of schedules that name none.
    pub schedules_zone: Option<String>,
    /// Jobs that one async worker runs at once.
    pub async_slots: usize,
    /// Argument and field names whose values are never shown: parts of names, in lower case.
    pub mask: Vec<String>,
}

/// A document, and the same as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub title: String,
    /// The whole document; with `region`, only that part.
    pub html: String,
    pub json: Value,
    /// 200, or what a page says of itself: 404 of a job that is not there.
    pub status: u16,
}

/// A file that pages refer to. Its name carries a hash of its content, so it can be kept for ever.
#[derive(Clone, Copy, Debug)]
pub struct StaticFile {
    /// `style.3fa91c02.css`
    pub name: &'static str,
    pub content_type: &'static str,
    pub body: &'static [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_keeps_order_and_repeats_and_reads_back() {
        let query = Query::parse("state=running&tag=a%26b&tag=c&empty=");
        assert_eq!(query.get("state"), Some("running"));
        assert_eq!(query.get("empty"), None);
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["a&b", "c"]);
        assert_eq!(Query::parse(&query.to_text()), query);
    }
}
