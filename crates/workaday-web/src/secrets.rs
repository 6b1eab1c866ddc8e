//! Secrets: made from the system's randomness, kept as hashes, compared in constant time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::access::Hash;

/// What tokens begin with, so that a leaked one is found by those who search for it.
pub const TOKEN_PREFIX: &str = "wkd_";
pub const PASSWORD_MIN: usize = 12;
pub const PASSWORD_MAX: usize = 200;

/// 256 random bits as text.
pub fn random() -> Result<String, Problem> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Problem::new("web.no_randomness", format!("the system gave no random bytes: {error}"))
            .expected("a system whose random generator is seeded")
            .retry(RetryAdvice::Safe, "safe in a moment; nothing was changed")
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a random secret. 256 bits need neither salt nor slowness.
pub fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// A password as it is kept: Argon2id with 19 MiB, two rounds and its own salt.
pub fn hash_password(password: &str) -> Result<String, Problem> {
    let length = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&length) {
        return Err(Problem::new(
            "user.password_weak",
            format!("the password has {length} character{}", if length == 1 { "" } else { "s" }),
        )
        .expected(format!("{PASSWORD_MIN} to {PASSWORD_MAX} characters; a few words are best"))
        .retry(RetryAdvice::SafeAfterFix, "safe with another password; nothing was changed"));
    }
    let hashed = Argon2::default().hash_password(password.as_bytes()).map_err(|error| {
        Problem::new("web.no_randomness", format!("the password could not be hashed: {error}"))
            .expected("19 MiB of memory and a seeded random generator")
            .retry(RetryAdvice::Safe, "safe in a moment; nothing was changed")
    })?;
    Ok(hashed.to_string())
}

/// Does the password fit? For a user who is not there the same work is done, so that time tells nothing.
pub fn fits(password: &str, stored: Option<&str>) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$Z2P1wQv9PB7F7C7vQf4lIr0a9gQZcB0Qm3o8b7x8v2c";
    let is_short = password.chars().count() <= PASSWORD_MAX;
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(NOBODY)) else { return false };
    let fits = Argon2::default().verify_password(if is_short { password.as_bytes() } else { b"" }, &hash).is_ok();
    fits && is_short && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_and_nothing_else() {
        let stored = hash_password("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(fits("correct horse battery", Some(&stored)));
        assert!(!fits("correct horse batterx", Some(&stored)));
        assert!(!fits("", Some(&stored)));
        assert!(!fits("anything at all", None));
        assert_eq!(hash_password("short").unwrap_err().code, "user.password_weak");
    }

    #[test]
    fn work_for_a_user_who_is_not_there_is_real_work() {
        let started = std::time::Instant::now();
        fits("anything at all", None);
        // A hash that did not parse would return in microseconds.
        assert!(started.elapsed().as_millis() > 2);
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert_ne!(hash(&one), hash(&other));
    }
}
