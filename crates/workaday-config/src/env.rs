//! The environment twins of the keys. The variables come in as arguments; this crate reads no global.

use crate::error::Origin;
use crate::file::{Entry, Findings, Place, shown_place};
use crate::keys::{Key, SECTIONS, Section, variable};
use workaday_core::nearest::nearest;

/// Variables of Workaday that are no keys: said to children, or secrets.
const OTHERS: &[&str] = &[
    "WORKADAY_CONFIG",
    "WORKADAY_RELEASE",
    "WORKADAY_TOKEN",
    "WORKADAY_ROOT",
    "WORKADAY_RUN",
    "WORKADAY_CHILD",
    "WORKADAY_JOB_ID",
    "WORKADAY_ATTEMPT",
    "WORKADAY_WIRE_FD",
    "WORKADAY_PAGE_FD",
    "WORKADAY_CHILDREN_LOCK_FD",
    "WORKADAY_LOG",
    "WORKADAY_LOG_FORMAT",
    "WORKADAY_OWNER",
    "WORKADAY_BIN",
    "WORKADAY_FREE_FLOOR",
    "WORKADAY_REVISION",
    "WORKADAY_PREVIOUS_REVISION",
    "WORKADAY_RELEASE_NUMBER",
    "WORKADAY_RELEASE_KIND",
    "WORKADAY_REHEARSAL",
];

/// Reads the twins over what the file said. An empty variable counts as not set.
///
/// Returns a warning for each `WORKADAY_` variable that is nothing's twin: a slip there should not stop a service.
pub fn read(variables: impl IntoIterator<Item = (String, String)>, over: &mut Findings) -> Vec<String> {
    let mut warnings = vec![];
    for (name, text) in variables {
        if !name.starts_with("WORKADAY_") || text.is_empty() || OTHERS.contains(&name.as_str()) || name.starts_with("WORKADAY_SECRET_") {
            continue;
        }
        match twin(&name, over) {
            Some((section, user_name, key)) => set(over, section, user_name, key, &text, Origin::Environment { variable: name }),
            None => warnings.push(stray(&name)),
        }
    }
    warnings.sort();
    warnings
}

/// Puts one value over what was there, or reports why it does not fit.
pub(crate) fn set(over: &mut Findings, section: &'static Section, name: String, key: &'static Key, text: &str, origin: Origin) {
    let written = key.kind.written_in_environment(text);
    match key.kind.judge(&written) {
        Ok(value) => {
            if section.path.contains('*') {
                over.names.entry((section.path, name.clone())).or_insert_with(|| origin.clone());
            }
            over.entries.insert(Place { section: section.path, name, key: key.name }, Entry { value, origin });
        }
        Err(misfit) => over.problems.push(origin.misfit(&shown_place(section, &name, key.name), key.kind, &written, misfit)),
    }
}

/// Which key a variable is the twin of. Of several readings the one with the longest key wins.
fn twin(variable_name: &str, known: &Findings) -> Option<(&'static Section, String, &'static Key)> {
    // The interpreter's older, shorter name; the protocol names it.
    let variable_name = if variable_name == "WORKADAY_PYTHON" { "WORKADAY_WORKER_PYTHON" } else { variable_name };
    let keys = SECTIONS.iter().flat_map(|section| section.keys.iter().map(move |key| (section, key)));
    let mut best: Option<(usize, &'static Section, String, &'static Key)> = None;
    for (section, key) in keys {
        let Some((before, after)) = section.path.split_once('*') else {
            if variable(section.path, key.name) == variable_name {
                return Some((section, String::new(), key));
            }
            continue;
        };
        let prefix = variable(before, "");
        let prefix = prefix.trim_end_matches('_').to_owned() + "_";
        let tail = variable(after.trim_start_matches('.'), key.name);
        let tail = &tail["WORKADAY".len()..];
        let middle = variable_name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(tail)).filter(|middle| !middle.is_empty());
        if let Some(middle) = middle
            && best.as_ref().is_none_or(|(length, ..)| tail.len() > *length)
        {
            best = Some((tail.len(), section, user_name(section.path, middle, known), key));
        }
    }
    best.map(|(_, section, name, key)| (section, name, key))
}

/// The name as the file spells it, else in lower case.
fn user_name(path: &'static str, middle: &str, known: &Findings) -> String {
    let spelled = |name: &str| variable("", name)["WORKADAY_".len()..] == *middle;
    let in_file = known.names.keys().find(|(section, name)| *section == path && spelled(name));
    in_file.map_or_else(|| middle.to_lowercase(), |(_, name)| name.clone())
}

fn stray(name: &str) -> String {
    let twins: Vec<String> = SECTIONS.iter().flat_map(|section| section.keys.iter().map(|key| section.variable(key))).collect();
    match nearest(name, twins.iter().map(String::as_str)) {
        Some(near) => format!("environment variable {name} is the twin of no key; did you mean {near}?"),
        None => format!("environment variable {name} is the twin of no key and has no effect"),
    }
}
