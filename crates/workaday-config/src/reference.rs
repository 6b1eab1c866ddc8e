//! docs/reference/configuration.md, from the tables of `keys`.

use crate::keys::{Fallback, Key, SECTIONS, Section};
use crate::kind::Kind;
use crate::without_effect;
use std::fmt::Write;

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Generated from `crates/workaday-config/src/keys/tables.rs` by `cargo run -p xtask -- docs`; change it there.\n\n\
         Settings come from `workaday.toml`, found in the current folder or above it (`--config` and `WORKADAY_CONFIG` name another file),\n\
         from environment variables, and from the command line; the later wins. An empty variable counts as not set. Without a file the\n\
         defaults hold, and relative paths start at the current folder.\n\n\
         A key that is unknown, of the wrong type or impossible is refused with its line; nothing starts on half a configuration.\n\
         Lengths are text with a unit (`\"250ms\"`, `\"90s\"`, `\"5m\"`, `\"2h\"`, `\"1d\"`), sizes too (`\"512M\"`, powers of 1024).\n\
         In the environment a list is written `a,b` or as JSON, a table as JSON.\n",
    );
    for section in SECTIONS {
        write_section(&mut page, section);
    }
    page
}

fn write_section(page: &mut String, section: &Section) {
    let title = if section.path.is_empty() { "Top level".to_owned() } else { format!("[{}]", section.path.replace('*', "NAME")) };
    // Writing to a String cannot fail.
    let remark = if without_effect::section(section.path) { " Read and checked; **no effect in this version.**" } else { "" };
    let _ = write!(
        page,
        "\n## {title}\n\n{}{remark}\n\n| key | type | default | meaning | environment |\n|---|---|---|---|---|\n",
        section.doc
    );
    for key in section.keys {
        let remark = if without_effect::key(section.path, key.name) { " No effect in this version." } else { "" };
        let (kind, fallback, variable) = (kind(key), fallback(key), section.variable(key));
        let _ = writeln!(page, "| `{}` | {kind} | {fallback} | {}{remark} | `{variable}` |", key.name, key.doc);
    }
}

fn kind(key: &Key) -> String {
    match key.kind {
        Kind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        Kind::Count(low, high) if high <= 1024 => format!("whole number {low}…{high}"),
        kind => kind.word().to_owned(),
    }
}

fn fallback(key: &Key) -> String {
    match key.fallback {
        Fallback::Value(text) => format!("`{text}`"),
        Fallback::Unset(then) => then.to_owned(),
    }
}
