//! Which level of isolation was reached: found out by trying what must not work, never by believing the settings.
//!
//! Traps stand for production: its folder, its store, a listener (a port, a database, a webhook), a variable with a DSN, a
//! Unix socket; and the sockets that the machine really has. Nothing is written into any of them.

use super::play::Scene;
use super::sockets;
use serde::{Deserialize, Serialize};
use std::net::TcpStream;
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
    /// Unix sockets behind which somebody listens; abstract ones with `@`.
    #[serde(default)]
    pub sockets: Vec<String>,
    pub may_write_production: bool,
}

/// A trap, and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trap {
    pub trap: String,
    /// From this level on it must hold.
    pub level: u8,
    pub stopped: bool,
    /// What was reached, where there can be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached: Vec<String>,
}

/// Tries every trap, from inside the process that it is asked in. No variable may lead to the original of a PostgreSQL
/// database that was copied, however its DSN is written.
pub fn probe(scene: &Scene) -> Probed {
    let port = scene.port.as_ref().map_or("PORT", |(name, _)| name.as_str());
    let is_real = |value: &str| scene.postgres.iter().any(|copied| copied.is_of(value));
    Probed {
        folder: std::env::current_dir().unwrap_or_default(),
        database: std::env::var_os("WORKADAY_DATABASE").map(PathBuf::from),
        port: std::env::var(port).ok(),
        sees_variable: std::env::var_os(PLANTED).is_some(),
        real_databases: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter_map(|(name, value)| is_real(&value).then_some(name))
            .collect(),
        reaches_listener: scene.listener.is_some_and(|at| TcpStream::connect_timeout(&at, Duration::from_secs(2)).is_ok()),
        sockets: sockets(scene),
        may_write_production: may_write(&scene.production),
    }
}

fn sockets(scene: &Scene) -> Vec<String> {
    let outside = scene.sockets.iter().filter(|path| !path.starts_with(&scene.scratch) && sockets::reaches(path));
    let named = scene.abstract_socket.iter().filter(|name| sockets::reaches_abstract(name));
    outside.map(|path| path.display().to_string()).chain(named.map(|name| format!("@{name}"))).collect()
}

/// Asks the kernel, and writes nothing.
fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Judges what was found: the traps, and the level up to which all of them held.
pub fn level(found: &Probed, scratch: &Path, port: Option<&str>) -> (u8, Vec<Trap>) {
    let inside = |path: &Path| path.starts_with(scratch);
    let trap = |name: &str, level: u8, stopped: bool| Trap { trap: name.to_owned(), level, stopped, reached: vec![] };
    let mut traps = vec![
        trap("relative paths of production", 1, inside(&found.folder)),
        trap("the store of production", 1, found.database.as_deref().is_some_and(inside)),
        trap("the port of production", 1, found.port.is_some() && found.port.as_deref() == port),
        trap("a DSN in the environment", 2, !found.sees_variable && found.real_databases.is_empty()),
        trap("a port, database or webhook on the network", 3, !found.reaches_listener),
        trap("absolute paths of production", 3, !found.may_write_production),
    ];
    traps.push(Trap { reached: found.sockets.clone(), ..trap("a Unix socket of the machine", 3, found.sockets.is_empty()) });
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
        assert_eq!(reached(&Probed { sockets: vec!["/run/x.sock".into()], ..safe.clone() }), 2);
        assert_eq!(reached(&Probed { real_databases: vec!["DATABASE_URL".into()], ..safe.clone() }), 1);
        assert_eq!(reached(&Probed { sees_variable: true, ..safe.clone() }), 1, "no network does not make up for a DSN");
        assert_eq!(reached(&Probed { database: Some("/srv/shop/workaday.db".into()), ..safe.clone() }), 0);
        assert_eq!(reached(&Probed { port: Some("80".into()), ..safe }), 0);
    }
}
