//! Figures that web processes hand over: datagrams on a socket beside the store, never waited for.
//!
//! A datagram is JSON: `{"v":1,"release":…,"dropped":n,"series":[{"minute":n,"kind":…,"name":…,"count":n,…,"run_us":"<base64>"}]}`
//! (docs/protocol.md). One that cannot be read is counted and forgotten: nothing that a web process sends may stop a job.

use crate::lock::beside;
use crate::wakeup::bind_at;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::net::{RecvFlags, recv};
use serde_json::Value;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use workaday_core::measure::{Figures, Histogram, Metric, Series, SeriesKind};
use workaday_engine::{Engine, Moment};

/// Larger than any that a client sends (32 KiB).
const DATAGRAM_MAX: usize = 64 * 1024;
/// Taken before the jobs get their turn.
const AT_ONCE_MAX: usize = 64;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 200;

/// The datagram socket `<database>-measures`.
#[derive(Debug)]
pub struct MeasureSocket {
    socket: UnixDatagram,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl MeasureSocket {
    /// Binds it. `None`: it could not be made, and web routes have no figures; jobs need it not.
    pub fn bind(database: &Path) -> Option<MeasureSocket> {
        let path = beside(database, "-measures");
        let _ = std::fs::remove_file(&path);
        let socket = match bind_at(&path) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(%error, "the socket `{}` could not be made: web routes are not measured", path.display());
                return None;
            }
        };
        let _ = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600));
        let _ = socket.set_nonblocking(true);
        Some(MeasureSocket { socket, path, buffer: vec![0; DATAGRAM_MAX] })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Hands what has come to the engine.
    pub fn take_in(&mut self, engine: &mut Engine, now: Moment) {
        for _ in 0..AT_ONCE_MAX {
            let Ok((_, got)) = recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT) else { return };
            if let Err(why) = hand_over(&self.buffer[..got], engine, now) {
                tracing::debug!(why, "a datagram of measures could not be read: {why}");
                engine.measurer.dropped("unreadable", "unknown", 1, now);
            }
        }
    }
}

impl Drop for MeasureSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn hand_over(bytes: &[u8], engine: &mut Engine, now: Moment) -> Result<(), &'static str> {
    let told: Value = serde_json::from_slice(bytes).map_err(|_| "it is no JSON")?;
    if told["v"] != 1 {
        return Err("it is of another version");
    }
    let release = name(&told["release"]).unwrap_or_else(|| "unknown".to_owned());
    if let Some(dropped @ 1..) = told["dropped"].as_u64() {
        engine.measurer.dropped("web", &release, dropped, now);
    }
    let mut lost = 0;
    for one in told["series"].as_array().into_iter().flatten() {
        let kept = read(one, &release).is_some_and(|(minute, series, figures)| engine.measurer.add(minute, series, &figures, now));
        if !kept {
            lost += one["count"].as_u64().unwrap_or(1);
        }
    }
    if lost > 0 {
        engine.measurer.dropped("web", &release, lost, now);
    }
    Ok(())
}

fn read(one: &Value, release: &str) -> Option<(i64, Series, Figures)> {
    let kind: SeriesKind = one["kind"].as_str()?.parse().ok()?;
    let count = |name: &str| one[name].as_u64().unwrap_or(0);
    let mut figures = Figures {
        count: count("count"),
        errors: count("errors"),
        refused: count("refused"),
        cache_hits: count("cache_hits"),
        cache_misses: count("cache_misses"),
        ..Figures::default()
    };
    for metric in Metric::ALL {
        if let Some(text) = one[metric.as_str()].as_str() {
            figures.set(*metric, Histogram::decode(&BASE64_STANDARD.decode(text).ok()?).ok()?);
        }
    }
    if let Some(statements) = one.get("statements").filter(|statements| statements.is_object()) {
        figures.read_statements(&statements.to_string());
    }
    Some((one["minute"].as_i64()?, Series { kind, name: name(&one["name"])?, release: release.to_owned() }, figures))
}

fn name(value: &Value) -> Option<String> {
    Some(value.as_str()?.chars().take(NAME_CHARS_MAX).collect::<String>()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(change: impl FnOnce(&mut Value)) -> Value {
        let mut run = Histogram::default();
        run.record(900);
        let run = BASE64_STANDARD.encode(run.encode());
        let mut one = json!({"minute": 7, "kind": "route", "name": "GET /", "count": 1, "errors": 1, "refused": 2, "cache_hits": 3,
            "cache_misses": 4, "run_us": run, "statements": {"SELECT ?": [1, 12]}});
        change(&mut one);
        one
    }

    #[test]
    fn a_series_is_read_whole() {
        let (minute, series, figures) = read(&told(|_| {}), "r1").expect("it fits");
        assert_eq!((minute, series), (7, Series { kind: SeriesKind::Route, name: "GET /".into(), release: "r1".into() }));
        assert_eq!((figures.count, figures.errors, figures.refused, figures.cache_hits, figures.cache_misses), (1, 1, 2, 3, 4));
        assert_eq!((figures.of(Metric::Run).sum(), figures.statements["SELECT ?"].calls_max), (900, 12));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_names_are_bounded() {
        for (field, value) in [
            ("kind", json!("tusk")),
            ("minute", json!("seven")),
            ("name", json!("")),
            ("run_us", json!("no base64")),
            ("run_us", json!(BASE64_STANDARD.encode([9, 9]))),
        ] {
            assert!(read(&told(|one| one[field] = value.clone()), "r1").is_none(), "{field} = {value}");
        }
        let (_, series, _) = read(&told(|one| one["name"] = "é".repeat(5_000).into()), "r1").expect("it fits");
        assert_eq!(series.name.chars().count(), NAME_CHARS_MAX);
    }
}
