//! docs/reference/{errors,configuration,cli}.md: generated, and checked for freshness.

mod errors;

use std::path::{Path, PathBuf};

/// Writes the pages, or with `check` only compares them. An error lists everything that is wrong.
pub fn run(check: bool) -> Result<(), String> {
    let root = root();
    let mut complaints = vec![];
    let codes = errors::read(&root.join("python/workaday/codes")).map_err(|wrong| wrong.join("\n"))?;
    complaints.extend(errors::undocumented(&root, &codes));
    let pages = [
        ("errors.md", errors::markdown(&codes)),
        ("configuration.md", workaday_config::reference::markdown()),
        ("cli.md", workaday_cli::reference::markdown()),
    ];
    for (name, page) in pages {
        let path = root.join("docs/reference").join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == page) {
            continue;
        }
        if check {
            complaints.push(format!("docs/reference/{name} is stale: run `cargo xtask docs`"));
        } else {
            write(&path, &page).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

fn write(path: &Path, page: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().expect("a page lies in a folder"))?;
    std::fs::write(path, page)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_page_is_fresh_and_every_code_documented() {
        super::run(true).unwrap_or_else(|complaints| panic!("{complaints}"));
    }
}
