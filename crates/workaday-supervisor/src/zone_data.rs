//! The time zone data of this machine: which it is, and whether it changed under a program that runs for months.
//!
//! Governments change their clocks with a few weeks' notice; the new data comes with a package upgrade. Zones are read
//! from `/usr/share/zoneinfo` (or `TZDIR`) when they are needed and kept for minutes, but the next tick of a schedule
//! may have been worked out long before: when the files change, each is worked out anew.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use workaday_core::clock::{Length, Timestamp};

const PERIOD: Length = Length::minutes(1);
const FOLDERS: [&str; 4] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];

/// The folder of the zone data; `None`: this program's own copy is used.
pub fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("TZDIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    named.into_iter().chain(FOLDERS.iter().map(PathBuf::from)).find(|folder| folder.is_dir())
}

/// The release of the IANA data (`2025b`), as its files say; `None` when they do not.
pub fn version() -> Option<String> {
    version_in(&folder()?)
}

fn version_in(folder: &Path) -> Option<String> {
    // `# version 2025b`, the first line.
    let told = fs::read_to_string(folder.join("tzdata.zi")).ok();
    let told = told.and_then(|text| Some(text.lines().next()?.strip_prefix("# version ")?.trim().to_owned()));
    told.or_else(|| fs::read_to_string(folder.join("+VERSION")).ok().map(|text| text.trim().to_owned())).filter(|text| !text.is_empty())
}

/// Version, and a mark that changes with the files.
fn mark() -> String {
    let Some(folder) = folder() else { return "built in".to_owned() };
    let version = version_in(&folder).unwrap_or_else(|| "unknown".to_owned());
    let stamp = |path: &Path| fs::metadata(path).map_or_else(|_| "-".to_owned(), |found| format!("{}.{}", found.mtime(), found.ino()));
    format!("{version} {} {}", stamp(&folder), stamp(&folder.join("tzdata.zi")))
}

/// Looks at the files once a minute.
#[derive(Debug, Default)]
pub struct ZoneWatch {
    known: Option<String>,
    next_at: Option<Timestamp>,
}

impl ZoneWatch {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next look comes at once: the configuration was read again.
    pub fn look_again(&mut self) {
        self.next_at = None;
    }

    /// The mark of the data, when it is not the one of the last look. What was read before is forgotten then.
    pub fn look(&mut self, now: Timestamp) -> Option<String> {
        if self.next_at.is_some_and(|at| now < at) {
            return None;
        }
        self.next_at = Some(now + PERIOD);
        let mark = mark();
        if self.known.as_ref() == Some(&mark) {
            return None;
        }
        if self.known.is_some() {
            jiff::tz::db().reset();
        }
        self.known = Some(mark.clone());
        Some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_either_file() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(version_in(folder.path()), None);
        fs::write(folder.path().join("+VERSION"), "2024a\n").expect("written");
        assert_eq!(version_in(folder.path()).as_deref(), Some("2024a"));
        fs::write(folder.path().join("tzdata.zi"), "# version 2025b\n# redo\n").expect("written");
        assert_eq!(version_in(folder.path()).as_deref(), Some("2025b"));
    }

    #[test]
    fn unchanged_data_is_told_once() {
        let mut watch = ZoneWatch::new();
        assert!(watch.look(Timestamp(0)).is_some());
        assert_eq!(watch.look(Timestamp(PERIOD.0 + 1)), None);
    }
}
