//! The files beside the pages: one stylesheet, one small script, one icon. Their names carry a hash of their content.

use crate::page::StaticFile;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

static FILES: LazyLock<Vec<StaticFile>> = LazyLock::new(|| {
    let file = |stem: &str, end: &str, content_type: &'static str, body: &'static [u8]| {
        let hash: String = Sha256::digest(body).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        // Made once a process and kept as long as it lives.
        StaticFile { name: format!("{stem}.{hash}.{end}").leak(), content_type, body }
    };
    vec![
        file("style", "css", "text/css; charset=utf-8", include_bytes!("../static/style.css")),
        file("live", "js", "text/javascript; charset=utf-8", include_bytes!("../static/live.js")),
        file("icon", "svg", "image/svg+xml", include_bytes!("../static/icon.svg")),
    ]
});

/// What pages refer to under `/static/`.
pub fn static_files() -> &'static [StaticFile] {
    &FILES
}

/// Where the pages find `stem.end`.
pub fn path(stem: &str, end: &str) -> String {
    let found = FILES.iter().find(|file| file.name.starts_with(stem) && file.name.ends_with(end));
    found.map_or_else(String::new, |file| format!("/static/{}", file.name))
}
