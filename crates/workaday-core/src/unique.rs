//! One unfinished job per key: what the key is called, and how long a job holds it.

use crate::job::UnknownWord;
use std::fmt;
use std::str::FromStr;

/// The longest key that a caller may choose.
pub const KEY_CHARACTERS_MAX: usize = 500;

/// A key that only one unfinished job holds at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// As stored: the task's name, a space, `key=` and what the caller chose. Names have no spaces, so keys of two tasks never meet.
    pub key: String,
    pub held: HeldWhile,
}

/// How long the key is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeldWhile {
    /// Until the job has finished.
    #[default]
    Unfinished,
    /// Until the job is claimed: another one may then wait while this one runs.
    Waiting,
}

impl Unique {
    /// The key `chosen` of `task`; `None` when it is empty, too long or has characters that do not print.
    ///
    /// The same text as the Python client writes for `options(unique="…")`.
    pub fn keyed(task: &str, chosen: &str, held: HeldWhile) -> Option<Self> {
        let fits = (1..=KEY_CHARACTERS_MAX).contains(&chosen.chars().count()) && !chosen.chars().any(char::is_control);
        fits.then(|| Self { key: format!("{task} key={chosen}"), held })
    }
}

impl Unique {
    /// The key of equal arguments: `digest` is the SHA-256 of `values::canonical`, and its first 16 bytes count.
    pub fn of_arguments(task: &str, digest: &[u8], held: HeldWhile) -> Self {
        let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { key: format!("{task} args={digits}"), held }
    }
}

impl HeldWhile {
    pub const fn as_str(self) -> &'static str {
        match self {
            HeldWhile::Unfinished => "unfinished",
            HeldWhile::Waiting => "waiting",
        }
    }
}

impl fmt::Display for HeldWhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HeldWhile {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "unfinished" => Ok(Self::Unfinished),
            "waiting" => Ok(Self::Waiting),
            other => Err(UnknownWord { kind: "HeldWhile", got: other.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_in_the_store_are_read_as_they_are_written() {
        for (held, word) in [(HeldWhile::Unfinished, "unfinished"), (HeldWhile::Waiting, "waiting")] {
            assert_eq!((held.to_string().as_str(), word.parse()), (word, Ok(held)));
        }
        let refused = "sometimes".parse::<HeldWhile>().expect_err("no such word");
        assert_eq!((refused.kind, refused.got.as_str()), ("HeldWhile", "sometimes"));
    }

    #[test]
    fn a_key_belongs_to_its_task() {
        let key = |task, chosen| Unique::keyed(task, chosen, HeldWhile::Unfinished).map(|unique| unique.key);
        assert_eq!(key("shop.send", "order 42"), Some("shop.send key=order 42".to_owned()));
        for chosen in ["", "a\nb", &"x".repeat(KEY_CHARACTERS_MAX + 1)] {
            assert_eq!(key("shop.send", chosen), None, "{chosen:?}");
        }
    }
}
