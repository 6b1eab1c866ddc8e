//! What may be configured and does nothing yet. Silence would be taken for a promise, so `up` names each at its start.
//!
//! Whoever builds one of these removes its line here; the warning and the remark in the reference go with it.

use crate::error::Origin;
use crate::file::{Entry, Place};
use crate::kind::Value;
use std::collections::BTreeMap;

/// `(section, key)`; `*` as key = the whole section.
const WITHOUT_EFFECT: &[(&str, &str)] = &[("worker", "threads"), ("queues.*", "rate"), ("security", "environment")];

/// Is this whole section read and not acted upon?
pub fn section(path: &str) -> bool {
    WITHOUT_EFFECT.contains(&(path, "*"))
}

/// Is this key read and not acted upon, while its section is?
pub fn key(path: &str, name: &str) -> bool {
    WITHOUT_EFFECT.contains(&(path, name))
}

/// A sentence for each section or key that was given, with its place.
pub(crate) fn warnings(given: &BTreeMap<Place, Entry>) -> Vec<String> {
    let mut said = BTreeMap::<(&str, String), &Origin>::new();
    for (place, entry) in given {
        let path = place.section.replacen('*', &place.name, 1);
        if section(place.section) {
            said.entry((place.section, format!("[{path}]"))).or_insert(&entry.origin);
        } else if key(place.section, place.key) && !is_usual(place, &entry.value) {
            said.insert((place.section, format!("{path}.{}", place.key)), &entry.origin);
        }
    }
    said.into_iter().map(|((_, shown), origin)| format!("{origin}: {shown} is accepted, has no effect in this version")).collect()
}

/// One thread is what a sync child has.
fn is_usual(place: &Place, value: &Value) -> bool {
    place.key == "threads" && *value == Value::Count(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::section as declared;

    #[test]
    fn every_line_names_a_section_or_key_that_exists() {
        for (path, name) in WITHOUT_EFFECT {
            let section = declared(path).expect(path);
            assert!(*name == "*" || section.key(name).is_some(), "{path} {name}");
        }
    }
}
