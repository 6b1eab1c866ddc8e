//! Which store a `database` value names.

use std::path::{Path, PathBuf};

/// A store's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
}

impl Database {
    /// The SQLite file.
    pub fn path(&self) -> &Path {
        match self {
            Database::Sqlite(path) => path,
        }
    }
}

/// Why a value names no store we can open: what is wrong, what was expected, what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoStore {
    pub expected: &'static str,
    pub hint: String,
}

/// Reads a `database` value; relative paths start at `root`.
pub fn locate(text: &str, root: &Path) -> Result<Database, NoStore> {
    const FILE: &str = "a path, or sqlite:///relative/path, or sqlite:////absolute/path";
    let path = match text.split_once("://") {
        None => text.strip_prefix("sqlite:").unwrap_or(text),
        Some(("sqlite", rest)) => match rest.strip_prefix('/') {
            Some(path) if !path.is_empty() => path,
            _ => return Err(NoStore { expected: FILE, hint: format!("three slashes: \"sqlite:///{}\"", rest.trim_start_matches('/')) }),
        },
        Some(("postgresql" | "postgres", _)) => {
            return Err(NoStore { expected: FILE, hint: "this version keeps its jobs in SQLite; PostgreSQL is not served yet".into() });
        }
        Some((scheme, rest)) => {
            return Err(NoStore {
                expected: FILE,
                hint: format!("`{scheme}` is no store: \"sqlite:///{}\"", rest.trim_start_matches('/')),
            });
        }
    };
    // However it is written: as a path it would be a file of that name, and nobody means that.
    if path == ":memory:" {
        return Err(NoStore {
            expected: FILE,
            hint: "a store in memory is gone with its process; in tests use the fixture `workaday_test`".into(),
        });
    }
    // Bytes after `?` would become part of a file name that nobody meant.
    if let Some((plain, _)) = path.split_once('?') {
        return Err(NoStore { expected: FILE, hint: format!("without parameters: \"{plain}\"") });
    }
    Ok(Database::Sqlite(root.join(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_starts_at_the_root() {
        for text in ["data/jobs.db", "sqlite:///data/jobs.db", "sqlite:data/jobs.db"] {
            assert_eq!(locate(text, Path::new("/srv/shop")).unwrap().path(), Path::new("/srv/shop/data/jobs.db"), "{text}");
        }
        for text in ["/var/jobs.db", "sqlite:////var/jobs.db"] {
            assert_eq!(locate(text, Path::new("/srv/shop")).unwrap().path(), Path::new("/var/jobs.db"), "{text}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_with_what_to_write() {
        for (text, hint) in [
            ("sqlite://jobs.db", "three slashes: \"sqlite:///jobs.db\""),
            ("mysql://host/jobs", "`mysql` is no store"),
            ("postgresql://host/jobs", "PostgreSQL is not served yet"),
            (":memory:", "workaday_test"),
            ("sqlite:///:memory:", "workaday_test"),
            ("sqlite::memory:", "workaday_test"),
            ("sqlite:///jobs.db?mode=ro", "without parameters: \"jobs.db\""),
        ] {
            let refused = locate(text, Path::new("/srv")).unwrap_err();
            assert!(refused.hint.contains(hint), "{text}: {}", refused.hint);
        }
    }
}
