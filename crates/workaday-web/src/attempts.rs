//! How often somebody may try to log in: counted by address, and for a name only against strangers.
//!
//! A bucket for each name alone would let anybody shut anybody out: a few wrong guesses a minute, and the owner is refused
//! too. So guesses slow down the address that they come from, and a name is guarded against many addresses at once by a
//! bucket ten times as large, which does not concern the addresses from which that name came in before.

use crate::peer::counted;
use crate::rate::Buckets;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use workaday_config::kind::Rate;
use workaday_core::clock::{Length, Timestamp};
use workaday_store::{Reader, StoreError};

/// So many addresses guess at one name before the rest of them have to wait.
const STRANGERS: u32 = 10;
/// A login is remembered for this long.
const REMEMBERED: Length = Length::days(90);

pub struct Attempts {
    addresses: Buckets<IpAddr>,
    names: Buckets<String>,
}

impl Attempts {
    /// `rate`: `security.logins`.
    pub fn new(rate: Rate) -> Self {
        let strangers = Rate { count: rate.count.saturating_mul(STRANGERS), ..rate };
        Self { addresses: Buckets::new(rate, 1), names: Buckets::new(strangers, 1) }
    }

    /// Takes one attempt; else how long to wait for the next.
    pub fn take(&self, reader: &Reader, name: &str, from: IpAddr, now: Timestamp) -> Result<Result<(), Duration>, StoreError> {
        let (from, at) = (counted(from), Instant::now());
        if let Err(wait) = self.addresses.take(&from, at) {
            return Ok(Err(wait));
        }
        let Err(wait) = self.names.take(&name.to_owned(), at) else { return Ok(Ok(())) };
        let before = reader.login_addresses(name, now - REMEMBERED)?;
        let came_in = before.iter().filter_map(|address| address.parse().ok()).any(|address| counted(address) == from);
        Ok(if came_in { Ok(()) } else { Err(wait) })
    }

    /// It was no guess: the password fits.
    pub fn succeeded(&self, name: &str) {
        self.names.give_back(&name.to_owned());
    }
}
