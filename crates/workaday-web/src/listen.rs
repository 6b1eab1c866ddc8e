//! Takes the port, and says where: a file beside the store, for `workaday open` and `workaday status`.

use crate::options::Options;
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// When the usual port is taken, so many more are tried.
const MORE_PORTS: u16 = 9;

pub fn listen(options: &Options) -> Result<TcpListener, String> {
    let first = bind(&options.bind);
    let taken = match first {
        Ok(listener) => return Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse && !options.bind_is_stated => error,
        Err(error) => return Err(format!("{} cannot be listened on: {error} (web.bind)", options.bind)),
    };
    let (host, port) = options.bind.rsplit_once(':').ok_or_else(|| format!("{} has no port", options.bind))?;
    let port: u16 = port.parse().map_err(|_| format!("{} has no port", options.bind))?;
    for more in 1..=MORE_PORTS {
        if let Ok(listener) = bind(&format!("{host}:{}", port.saturating_add(more))) {
            tracing::warn!("port {port} is taken ({taken}): the dashboard takes {} instead; `web.bind` states one", port + more);
            return Ok(listener);
        }
    }
    Err(format!("ports {port} to {} are all taken: state a free one in `web.bind`", port + MORE_PORTS))
}

fn bind(address: &str) -> std::io::Result<TcpListener> {
    let mut last = std::io::Error::new(ErrorKind::AddrNotAvailable, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return Ok(listener);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// `<database>-web`: who may read the store may know where its window is.
pub fn place(database: &Path) -> PathBuf {
    let database = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_path_buf());
    let mut name = database.into_os_string();
    name.push("-web");
    name.into()
}

/// The URL that is served now; gone when this is dropped.
pub struct Sign(PathBuf);

impl Sign {
    pub fn put(database: &Path, url: &str) -> std::io::Result<Sign> {
        let path = place(database);
        // Removed first, so that no link of somebody else's is followed.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{url}")?;
        Ok(Sign(path))
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where the window of this store is, if its sign stands.
pub fn url(database: &Path) -> Option<String> {
    let text = std::fs::read_to_string(place(database)).ok()?;
    text.lines().next().map(str::trim).filter(|line| line.starts_with("http")).map(str::to_owned)
}
