//! Finds workaday.toml and reads it against the tables of `keys`: every departure is named with its line.

use crate::error::{ConfigError, Origin};
use crate::keys::{SECTIONS, Section, section};
use crate::kind::{Value, Written};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use workaday_core::explain::{Problem, RetryAdvice};

/// The file's name.
pub const FILE_NAME: &str = "workaday.toml";

/// Where a value belongs: the section's pattern, the user's name in place of its `*`, the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub section: &'static str,
    pub name: String,
    pub key: &'static str,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub value: Value,
    pub origin: Origin,
}

/// What a source said, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Findings {
    pub entries: BTreeMap<Place, Entry>,
    /// Named sections that are there, with their line: `[queues.mail]` counts also when it is empty.
    pub names: BTreeMap<(&'static str, String), Origin>,
    pub problems: Vec<Problem>,
}

/// Looks for workaday.toml in `start` and the folders above it. A folder of that name, or a link that leads nowhere, is
/// found as well: passed over, a store would be made where nobody looks for it.
pub fn find_upwards(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.symlink_metadata().is_ok())
}

/// Reads the text of a file. `shown` is how messages name it.
pub fn read(text: &str, shown: &str) -> Findings {
    let mut reader = Reader { text, shown, findings: Findings::default() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.syntax(&error);
    }
    // A file that does not parse is not judged further: its sections may be cut anywhere.
    if reader.findings.problems.is_empty() {
        reader.table(&SECTIONS[0], "", table.get_ref());
    }
    reader.findings
}

struct Reader<'a> {
    text: &'a str,
    shown: &'a str,
    findings: Findings,
}

impl Reader<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        Origin::File { name: self.shown.to_owned(), line: before.iter().filter(|byte| **byte == b'\n').count() + 1 }
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        let offset = error.span().map_or(0, |span| span.start);
        let origin = self.origin(offset);
        let got = self.text[offset.min(self.text.len())..].lines().next().unwrap_or_default().chars().take(80).collect::<String>();
        let code = if error.message().contains("duplicate key") { "config.duplicate_key" } else { "config.syntax" };
        let problem = origin.problem(code, error.message().lines().next().unwrap_or_default()).expected("valid TOML (https://toml.io)");
        self.findings.problems.push(if got.trim().is_empty() { problem } else { problem.got(got) });
    }

    /// One table against its section; `name` stands for the section's `*`.
    fn table(&mut self, here: &'static Section, name: &str, table: &DeTable<'_>) {
        for (spelled, value) in in_file_order(table) {
            let word: &str = spelled.get_ref();
            let origin = self.origin(spelled.span().start);
            if let Some(key) = here.key(word) {
                let place = shown_place(here, name, key.name);
                match key.kind.judge(&written(value)) {
                    Ok(value) => {
                        let place = Place { section: here.path, name: name.to_owned(), key: key.name };
                        self.findings.entries.insert(place, Entry { value, origin });
                    }
                    Err(misfit) => self.findings.problems.push(origin.misfit(&place, key.kind, &written(value), misfit)),
                }
            } else {
                self.inner(here, name, word, value, origin);
            }
        }
    }

    /// Something that is no key of its table: a table below it, or a slip.
    fn inner(&mut self, here: &'static Section, name: &str, word: &str, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let below = if here.path.is_empty() { word.to_owned() } else { format!("{}.{word}", here.path) };
        // No section stands directly under a name of the user's at the top.
        let named = if here.path.is_empty() { "*".to_owned() } else { format!("{}.*", here.path) };
        let (inner, inner_name) = match (exact_or_parent(&below), section(&named)) {
            (Some(inner), _) => (Below::Section(inner), name),
            (None, Some(inner)) => (Below::Named(inner), word),
            (None, None) => return self.unknown(here, name, word, value, &origin),
        };
        let shown = shown_place(here, name, word);
        match (inner, value.get_ref()) {
            (Below::Section(Found::Section(inner)), DeValue::Table(table)) => self.table(inner, inner_name, table),
            (Below::Section(Found::Parent(named)), DeValue::Table(table)) => self.names(named, &shown, table),
            (Below::Named(inner), DeValue::Table(table)) => {
                self.findings.names.insert((inner.path, word.to_owned()), origin);
                self.table(inner, word, table);
            }
            // `[schedules] tzz = "…"`: more likely a slip of a key than a schedule written as text.
            (Below::Named(_), _) if !here.keys.is_empty() => self.unknown(here, name, word, value, &origin),
            _ => self.findings.problems.push(
                origin
                    .problem("config.wrong_type", format_args!("`{shown}` is {}", written(value).kind_word()))
                    .expected(format!("a table: [{shown}]"))
                    .got(written(value).show()),
            ),
        }
    }

    /// A table that holds nothing but named tables: `[queues]`.
    fn names(&mut self, named: &'static Section, shown: &str, table: &DeTable<'_>) {
        for (spelled, value) in in_file_order(table) {
            let word: &str = spelled.get_ref();
            let origin = self.origin(spelled.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => {
                    self.findings.names.insert((named.path, word.to_owned()), origin);
                    self.table(named, word, inner);
                }
                _ => self.findings.problems.push(
                    origin
                        .problem("config.wrong_type", format_args!("`{shown}.{word}` is {}", written(value).kind_word()))
                        .expected(format!("a table with its keys: [{shown}.NAME]"))
                        .got(written(value).show()),
                ),
            }
        }
    }

    fn unknown(&mut self, here: &'static Section, name: &str, word: &str, value: &Spanned<DeValue<'_>>, origin: &Origin) {
        let mut known: Vec<&str> = here.keys.iter().map(|key| key.name).collect();
        let is_table = value.get_ref().is_table();
        let problem = if here.path.is_empty() && is_table {
            known = top_sections();
            let listed: Vec<String> = known.iter().map(|known| format!("[{known}]")).collect();
            origin
                .problem("config.unknown_section", format_args!("[{word}] is no section"))
                .expected(format!("one of {}", listed.join(", ")))
        } else {
            let place = shown_place(here, name, word);
            let section = if here.path.is_empty() { "the top level".to_owned() } else { format!("[{}]", here.path.replace('*', name)) };
            origin
                .problem("config.unknown_key", format_args!("`{place}` is no key"))
                .expected(format!("in {section}: {}", known.join(", ")))
                .got(format!("{word} = {}", written(value).show()))
        };
        let problem = match elsewhere(word) {
            Some(section) => problem.hint(format!("`{word}` belongs in [{}]", section.path.replace('*', "NAME"))),
            None => problem,
        };
        self.findings.problems.push(problem.meant(word, known.iter().copied()));
    }
}

/// The parser keeps tables sorted by name; people read refusals from the top of their file down.
fn in_file_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<toml::de::DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(spelled, _)| spelled.span().start);
    entries
}

enum Below {
    Section(Found),
    Named(&'static Section),
}

enum Found {
    Section(&'static Section),
    /// Not a section itself, but named ones stand under it.
    Parent(&'static Section),
}

fn exact_or_parent(path: &str) -> Option<Found> {
    section(path).map(Found::Section).or_else(|| section(&format!("{path}.*")).map(Found::Parent))
}

fn top_sections() -> Vec<&'static str> {
    let mut names: Vec<&str> = SECTIONS.iter().skip(1).filter_map(|section| section.path.split('.').next()).collect();
    names.dedup();
    names
}

/// The one section that has a key of this name, if just one has: a key that was written in the wrong table.
fn elsewhere(word: &str) -> Option<&'static Section> {
    let mut homes = SECTIONS.iter().filter(|section| section.key(word).is_some());
    homes.next().filter(|_| homes.next().is_none()).filter(|section| !section.path.is_empty())
}

/// `queues.mail.slots`: a place as the reader writes it.
pub(crate) fn shown_place(section: &Section, name: &str, key: &str) -> String {
    if section.path.is_empty() { key.to_owned() } else { format!("{}.{key}", section.path.replace('*', name)) }
}

fn written(value: &Spanned<DeValue<'_>>) -> Written {
    match value.get_ref() {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => Written::Integer(value),
            // Beyond 64 bits: no key takes such a number, so it is only shown.
            Err(_) => Written::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(number) => Written::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Written::Bool(*value),
        DeValue::Datetime(instant) => Written::Instant(instant.to_string()),
        DeValue::Array(items) => Written::List(items.iter().map(written).collect()),
        DeValue::Table(table) => Written::Table(table.iter().map(|(name, value)| (name.get_ref().to_string(), written(value))).collect()),
    }
}

/// Reads the file at `path`. `asked`: it was named by the user, so that its absence is an error.
pub fn load(path: &Path) -> Result<Findings, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(read(&text, &path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Problem::new("config.not_found", format!("there is no configuration at `{}`", path.display()))
                .expected("a file, as named by --config or WORKADAY_CONFIG")
                .retry(RetryAdvice::SafeAfterFix, "safe after the path is fixed; nothing was changed")
                .hint("`workaday init` writes one")
                .into())
        }
        Err(error) => Err(Problem::new("config.unreadable", format!("`{}` could not be read: {error}", path.display()))
            .expected("a readable file in UTF-8")
            .retry(RetryAdvice::SafeAfterFix, "safe after the file can be read; nothing was changed")
            .into()),
    }
}
