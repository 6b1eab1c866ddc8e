//! The list of crash points and the sources say the same, so that none can be left off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use workaday_store::crash_points::NAMES;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("crash_points.rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_crash_point_is_on_the_list_and_in_the_sources() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(crates).expect("the crates") {
        let source = folder.expect("an entry").path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    let texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a source"));
    let in_sources: BTreeSet<String> = texts
        .flat_map(|text| {
            let names = text.split("crash_point!(\"").skip(1);
            names.filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned())).collect::<Vec<_>>()
        })
        .collect();
    let listed: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed.len(), NAMES.len(), "a name stands twice on the list");
    assert_eq!(in_sources, listed, "left: in the sources; right: on the list");
}
