//! What a key is, and how it is found. The reader, the environment twins, the refusals and docs/reference/configuration.md
//! all come from the tables beside this file.

mod tables;

pub use tables::SECTIONS;

use crate::kind::Kind;

/// What holds when a key is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fallback {
    /// Written as it would be in an environment variable.
    Value(&'static str),
    /// No value of its own; these words say what then happens.
    Unset(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    pub doc: &'static str,
}

/// A table of the file. `*` in its path stands for a name that the user gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    pub path: &'static str,
    pub doc: &'static str,
    pub keys: &'static [Key],
}

/// The section with this pattern path.
pub fn section(path: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.path == path)
}

impl Section {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The key's environment variable, with `NAME` for the user's name: `WORKADAY_QUEUES_NAME_SLOTS`.
    pub fn variable(&self, key: &Key) -> String {
        variable(&self.path.replace('*', "NAME"), key.name)
    }
}

/// The environment twin of a key: upper case, anything but letters and digits becomes `_`.
pub fn variable(section: &str, key: &str) -> String {
    let path = if section.is_empty() { key.to_owned() } else { format!("{section}_{key}") };
    let letters = path.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    "WORKADAY_".chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for section in SECTIONS {
            for key in section.keys {
                if let Fallback::Value(text) = key.fallback {
                    assert!(key.kind.judge(&key.kind.written_in_environment(text)).is_ok(), "{}.{} = {text}", section.path, key.name);
                }
            }
        }
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut seen = BTreeSet::new();
        for section in SECTIONS {
            for key in section.keys {
                assert!(seen.insert(section.variable(key)), "{}.{}", section.path, key.name);
                assert!(key.doc.ends_with('.') || key.doc.ends_with('…'), "{}.{}: {}", section.path, key.name, key.doc);
            }
        }
    }

    #[test]
    fn a_variable_is_named_after_its_place() {
        assert_eq!(variable("worker", "kill_after"), "WORKADAY_WORKER_KILL_AFTER");
        assert_eq!(variable("queues.mail-out", "slots"), "WORKADAY_QUEUES_MAIL_OUT_SLOTS");
        assert_eq!(variable("", "app"), "WORKADAY_APP");
    }
}
