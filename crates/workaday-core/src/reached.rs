//! Which codes were really met while tests ran: the feature `reached`, switched on by tests and absent from the program.
//!
//! A test that only writes a code down proves nothing. So the places that make an error, a warning or an alert note its
//! code here, and `tests/reached.py check` asks at the end of `make test` whether each code of `python/workaday/codes` was met.

/// Notes a code in the file that `REACHED_CODES` names. Without the feature, and without the variable, nothing happens.
#[cfg(feature = "reached")]
pub fn note(code: &str) {
    use std::io::Write;
    let Some(path) = std::env::var_os("REACHED_CODES") else { return };
    // One short write with O_APPEND: test processes that run side by side do not mix their lines.
    // A program out of descriptors cannot note: its test notes what it printed.
    if let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(path) {
        let _ = file.write_all(format!("{code}\n").as_bytes());
    }
}

#[cfg(not(feature = "reached"))]
#[inline]
pub fn note(_code: &str) {}
