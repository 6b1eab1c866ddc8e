//! Tells the service manager how it goes, where one listens (`NOTIFY_SOCKET`, as systemd sets it for `Type=notify`).
//!
//! `READY=1` after the first turn that got through: the lock is held, the store migrated, claims of the dead are given back.
//! `RELOADING=1` and `READY=1` around a reload, `STOPPING=1` when the drain begins. `WATCHDOG=1` at half of `WATCHDOG_USEC`,
//! by the loop itself and only after a turn came to its end: a loop that hangs is silent, and is ended and started again.
//!
//! · Will not: block, fail, or speak for another process. Without a socket: nothing at all.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use workaday_core::clock::{Length, Timestamp};

/// What a child must not find in its environment: it would speak in our name.
pub const VARIABLES: &[&str] = &["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

#[derive(Debug, Default)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// Between two signs of life.
    period: Option<Length>,
    ping_at: Timestamp,
    is_ready: bool,
    is_stopping: bool,
}

impl Notifier {
    /// As the environment of this process says it.
    pub fn of_environment() -> Notifier {
        let read = |name: &str| std::env::var(name).ok();
        let to = read("NOTIFY_SOCKET").and_then(|address| open(&address));
        // Meant for another process of the unit: then its signs of life are none of ours.
        let is_ours = read("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let micros = read("WATCHDOG_USEC").and_then(|text| text.parse::<i64>().ok()).filter(|micros| *micros > 0 && is_ours);
        let period = micros.filter(|_| to.is_some()).map(|micros| Length((micros / 2).max(1_000)));
        Notifier { to, period, ..Notifier::default() }
    }

    /// A turn came to its end.
    pub fn turned(&mut self, now: Timestamp, is_draining: bool) {
        if !self.is_ready {
            self.is_ready = true;
            self.say(&format!("READY=1\nSTATUS=Runs jobs and schedules\nMAINPID={}", std::process::id()));
        }
        if is_draining && !self.is_stopping {
            self.is_stopping = true;
            self.say("STOPPING=1\nSTATUS=Draining: running jobs may finish, nothing new starts");
        }
        self.waited(now);
    }

    /// A turn was refused by what a restart would not mend: alive, but not ready by that.
    pub fn waited(&mut self, now: Timestamp) {
        if let Some(period) = self.period.filter(|_| now >= self.ping_at) {
            self.ping_at = now + period;
            self.say("WATCHDOG=1");
        }
    }

    /// When the next sign of life is due.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.period.map(|_| self.ping_at)
    }

    /// The configuration is read again; `steady` is the monotonic clock.
    pub fn reloading(&self, steady: Timestamp) {
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}", steady.0));
    }

    pub fn reloaded(&self) {
        self.say("READY=1");
    }

    fn say(&self, text: &str) {
        if let Some((socket, address)) = &self.to
            && let Err(error) = socket.send_to_addr(text.as_bytes(), address)
        {
            tracing::debug!(%error, "the service manager did not take {text:?}: {error}");
        }
    }
}

/// A path, or `@name` for one without a file.
fn open(address: &str) -> Option<(UnixDatagram, SocketAddr)> {
    let to = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name.as_bytes()),
        None => SocketAddr::from_pathname(address),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, to.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life_come_with_turns_alone_and_at_half_of_the_time_allowed() {
        let heard = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(b"workaday-notify-test").expect("a name")).expect("a socket");
        heard.set_nonblocking(true).expect("a flag");
        let hear = || {
            let mut bytes = [0; 200];
            heard.recv(&mut bytes).ok().map(|size| String::from_utf8_lossy(&bytes[..size]).into_owned())
        };
        let mut notifier = Notifier { to: open("@workaday-notify-test"), period: Some(Length::seconds(1)), ..Notifier::default() };
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        assert_eq!(hear(), None, "nothing before a turn got through");
        notifier.waited(at(9));
        assert_eq!((hear().as_deref(), hear()), (Some("WATCHDOG=1"), None), "alive, and not ready");
        notifier.turned(at(10), false);
        assert!(hear().is_some_and(|text| text.starts_with("READY=1\n")));
        assert_eq!(hear().as_deref(), Some("WATCHDOG=1"));
        assert_eq!(notifier.next_at(), Some(at(11)), "the loop wakes for it");
        notifier.turned(at(10), false);
        assert_eq!(hear(), None, "not with every turn");
        notifier.turned(at(11), true);
        assert!(hear().is_some_and(|text| text.starts_with("STOPPING=1\n")));
        assert_eq!(hear().as_deref(), Some("WATCHDOG=1"), "a drain is alive, too");
        notifier.turned(at(11), true);
        assert_eq!(hear(), None, "said once");
    }
}
