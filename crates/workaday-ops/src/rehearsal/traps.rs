//! Which level of isolation was reached: found out by trying what must not work, never by believing the settings.
//!
//! Traps stand for production: its folder, its store, a listener (a port, a database, a webhook), a variable with a DSN.
//! Nothing is written into any of them.

use super::postgres::Copied;
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable that stands for a DSN of production.
pub const PLANTED: &str = "WORKADAY_SECRET_PLANTED_DSN";

/// What one process in the rehearsal found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// Where relative paths lead.
    pub folder: PathBuf,
    /// The store that Workaday would open.
    pub database: Option<PathBuf>,
    pub port: Option<String>,
    pub sees_variable: bool,
    /// Variables that lead to a real PostgreSQL database.
    #[serde(default)]
    pub real_databases: Vec<String>,
    pub reaches_listener: bool,
    pub may_write_production: bool,
}

/// A trap, and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trap {
    pub trap: String,
    /// From this level on it must hold.
    pub level: u8,
    pub stopped: bool,
}

/// Tries every trap, from inside the process that it is asked in.
///
/// `copies`: the copies of PostgreSQL databases; no variable may lead to an original, however its DSN is written.
pub fn probe(production: &Path, listener: Option<SocketAddr>, port: &str, copies: &[Copied]) -> Probed {
    let is_real = |value: &str| copies.iter().any(|copied| copied.is_of(value));
    Probed {
        folder: std::env::current_dir().unwrap_or_default(),
        database: std::env::var_os("WORKADAY_DATABASE").map(PathBuf::from),
        port: std::env::var(port).ok(),
        sees_variable: std::env::var_os(PLANTED).is_some(),
        real_databases: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter_map(|(name, value)| is_real(&value).then_some(name))
            .collect(),
        reaches_listener: listener.is_some_and(|at| TcpStream::connect_timeout(&at, Duration::from_secs(2)).is_ok()),
        may_write_production: may_write(production),
    }
}

/// Asks the kernel, and writes nothing.
fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Judges what was found: the traps, and the level up to which all of them held.
pub fn level(found: &Probed, scratch: &Path, port: Option<&str>) -> (u8, Vec<Trap>) {
    let inside = |path: &Path| path.starts_with(scratch);
    let trap = |name: &str, level: u8, stopped: bool| Trap { trap: name.to_owned(), level, stopped };
    let traps = vec![
        trap("relative paths of production", 1, inside(&found.folder)),
        trap("the store of production", 1, found.database.as_deref().is_some_and(inside)),
        trap("the port of production", 1, found.port.is_some() && found.port.as_deref() == port),
        trap("a DSN in the environment", 2, !found.sees_variable && found.real_databases.is_empty()),
        trap("a port, database or webhook on the network", 3, !found.reaches_listener),
        trap("absolute paths of production", 3, !found.may_write_production),
    ];
    let reached = (1..=3).take_while(|level| traps.iter().filter(|trap| trap.level == *level).all(|trap| trap.stopped)).last();
    (reached.unwrap_or(0), traps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_counts_only_when_every_trap_up_to_it_held() {
        let scratch = Path::new("/srv/rehearsal");
        let safe = Probed {
            folder: "/srv/rehearsal/shop".into(),
            database: Some("/srv/rehearsal/shop/workaday.db".into()),
            port: Some("1".into()),
            ..Probed::default()
        };
        let reached = |found: &Probed| level(found, scratch, Some("1")).0;
        assert_eq!(reached(&safe), 3);
        assert_eq!(reached(&Probed { reaches_listener: true, ..safe.clone() }), 2);
        assert_eq!(reached(&Probed { may_write_production: true, ..safe.clone() }), 2);
        assert_eq!(reached(&Probed { real_databases: vec!["DATABASE_URL".into()], ..safe.clone() }), 1);
        assert_eq!(reached(&Probed { sees_variable: true, ..safe.clone() }), 1, "no network does not make up for a DSN");
        assert_eq!(reached(&Probed { database: Some("/srv/shop/workaday.db".into()), ..safe.clone() }), 0);
        assert_eq!(reached(&Probed { port: Some("80".into()), ..safe }), 0);
    }
}
