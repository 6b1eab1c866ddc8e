//! The signature of a webhook: `t=SECONDS,v1=HEX`, an HMAC-SHA256 over `SECONDS.BODY` with the shared secret.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use workaday_core::clock::Timestamp;

/// The header's name.
pub const HEADER: &str = "Workaday-Signature";

/// The header's value. The time is signed too, so that a receiver can refuse an old message sent again.
pub fn sign(secret: &str, body: &str, now: Timestamp) -> String {
    let seconds = now.0.div_euclid(1_000_000);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_every_other_hmac() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'key'
        assert_eq!(
            sign("key", "{\"a\":1}", Timestamp(1_700_000_000_999_999)),
            "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"
        );
    }
}
