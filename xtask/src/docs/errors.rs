//! The error codes: read from python/workaday/codes, compared with what the code raises.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// What is said of one code.
pub struct Entry {
    title: String,
    meaning: String,
    retry: String,
    next: String,
}

pub type Codes = BTreeMap<String, Entry>;

/// Reads every file; a code that is said twice, or said incompletely, is a complaint.
pub fn read(folder: &Path) -> Result<Codes, Vec<String>> {
    let mut codes = Codes::new();
    let mut complaints = vec![];
    let mut files: Vec<_> = std::fs::read_dir(folder).map_err(|error| vec![format!("{}: {error}", folder.display())])?.flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files.iter().filter(|file| file.path().extension().is_some_and(|extension| extension == "json")) {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        let Ok(Value::Object(entries)) = serde_json::from_str(&text) else {
            complaints.push(format!("codes/{name} is no JSON object"));
            continue;
        };
        for (code, entry) in entries {
            match entry_of(&entry) {
                None => complaints.push(format!("codes/{name}: {code} lacks a title, meaning, next, or a known `retry`")),
                Some(entry) => {
                    if codes.insert(code.clone(), entry).is_some() {
                        complaints.push(format!("codes/{name}: {code} is said in another file too"));
                    }
                }
            }
        }
    }
    if complaints.is_empty() { Ok(codes) } else { Err(complaints) }
}

fn entry_of(entry: &Value) -> Option<Entry> {
    let text = |name: &str| entry[name].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
    let retry = text("retry").filter(|retry| ["safe", "safe_after_fix", "check_first", "never"].contains(&retry.as_str()))?;
    Some(Entry { title: text("title")?, meaning: text("meaning")?, retry, next: text("next")? })
}

/// The page.
pub fn markdown(codes: &Codes) -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         Generated from `python/workaday/codes/*.json` by `cargo run -p xtask -- docs`; change it there.\n\n\
         A code never changes its meaning. The command line, HTTP, the log and Python show the same words: what failed, what was\n\
         expected, whether a retry is safe, and the next step. *Alert* and *notice* codes stand in `workaday status` and the log.\n\n\
         | retry | means |\n|---|---|\n| safe | now, as it is |\n| safe after fix | after what is named has been mended |\n\
         | check first | look first whether it happened |\n| never | a retry cannot help |\n",
    );
    let mut area = "";
    for (code, entry) in codes {
        let this = code.split('.').next().unwrap_or_default();
        // Writing to a String cannot fail.
        if this != area {
            let _ = write!(page, "\n## {this}\n");
            area = this;
        }
        let (anchor, retry) = (code.replace('.', "-"), entry.retry.replace('_', " "));
        let _ = write!(
            page,
            "\n<a id=\"{anchor}\"></a>\n### `{code}` · {}\n\n{}\n\n*Retry:* {retry}. *Next:* {}\n",
            entry.title, entry.meaning, entry.next
        );
    }
    page
}

/// Codes that stand in no text literal: the client makes them of the state that a job ended in.
const MADE_AT_RUN_TIME: &[&str] = &["job.cancelled", "job.discarded"];

/// Literals that look like codes and are sections of workaday.toml.
const SECTIONS: &[&str] = &["release.staging"];

/// Files that raise nothing: tests, and the list of the crash points.
const NOT_RAISING: &[&str] = &["tests.rs", "crash_points.rs"];

/// Codes that the sources raise and no file explains, and codes that are explained and nothing raises.
pub fn undocumented(root: &Path, codes: &Codes) -> Vec<String> {
    let mut raised: BTreeSet<String> = MADE_AT_RUN_TIME.iter().map(|code| (*code).to_owned()).collect();
    for folder in ["crates", "python/workaday"] {
        collect(&root.join(folder), codes, &mut raised);
    }
    let unexplained = raised
        .iter()
        .filter(|code| !codes.contains_key(*code))
        .map(|code| format!("{code} is raised, but python/workaday/codes does not explain it"));
    let unused = codes.keys().filter(|code| !raised.contains(*code)).map(|code| format!("{code} is explained, but nothing raises it"));
    unexplained.chain(unused).collect()
}

/// Text literals that look like a code: of an area that is known, outside tests.
fn collect(folder: &Path, codes: &Codes, raised: &mut BTreeSet<String>) {
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (file.path(), file.file_name().to_string_lossy().into_owned());
        // The names of the doctor's checks look like codes: `backup.age`. A check is an answer, not an error.
        if path.is_dir() && !["tests", "examples", "target", "__pycache__", "codes", "doctor"].contains(&name.as_str()) {
            collect(&path, codes, raised);
        } else if name.ends_with(".py") || (name.ends_with(".rs") && !NOT_RAISING.contains(&name.as_str())) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
            raised.extend(literals(before_tests).filter(|literal| is_code(literal, codes)).map(str::to_owned));
        }
    }
}

/// What stands between quotes. The name of a crash point is none of them: `crash_point!("store.begun")` raises nothing.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    let before = std::iter::once("").chain(text.split('"'));
    before.zip(text.split('"')).filter(|(before, _)| !before.ends_with("crash_point!(")).map(|(_, literal)| literal)
}

fn is_code(literal: &str, codes: &Codes) -> bool {
    let Some((area, what)) = literal.split_once('.') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    // File names and modules look alike: `jobs.py`, `workaday.toml`, the template `task.html`.
    let is_file = ["py", "html", "rs", "md", "toml", "json", "db", "sql", "txt", "path", "so"].contains(&what);
    is_word(area)
        && is_word(what)
        && !is_file
        && !SECTIONS.contains(&literal)
        && codes.keys().any(|code| code.split('.').next() == Some(area))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crash_points_and_file_names_are_no_codes() {
        let entry = || Entry { title: String::new(), meaning: String::new(), retry: String::new(), next: String::new() };
        let codes: Codes = ["store.busy", "task.unknown"].map(|code| (code.to_owned(), entry())).into();
        let source = r#"crash_point!("store.begun"); template(path = "task.html"); Problem::new("store.full", "x"); "other.thing""#;
        let found: Vec<&str> = literals(source).filter(|literal| is_code(literal, &codes)).collect();
        assert_eq!(found, ["store.full"]);
    }
}
