//! Which Python runs the children: WORKADAY_PYTHON, the active virtual environment, the one beside this program.

use std::path::{Path, PathBuf};
use workaday_core::explain::{Problem, RetryAdvice};

/// Finds the interpreter, in that order; then `python3` of the PATH.
pub fn find(configured: Option<&Path>) -> Result<PathBuf, Problem> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = configured.map(Path::to_owned).or_else(|| variable("WORKADAY_PYTHON")) {
        return if path.exists() { Ok(path) } else { Err(missing(&path)) };
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let candidates = [
        variable("VIRTUAL_ENV").map(|venv| venv.join("bin/python")),
        beside.as_ref().map(|dir| dir.join("python3")),
        beside.map(|dir| dir.join("python")),
    ];
    if let Some(found) = candidates.into_iter().flatten().find(|path| path.exists()) {
        return Ok(found);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("python3")).find(|path| path.exists());
    found.ok_or_else(|| missing(Path::new("python3")))
}

fn missing(path: &Path) -> Problem {
    Problem::new("worker.no_python", format!("the Python interpreter `{}` is not there", path.display()))
        .expected("an interpreter with workaday installed: WORKADAY_PYTHON, VIRTUAL_ENV, or the one beside the `workaday` program")
        .retry(RetryAdvice::SafeAfterFix, "safe once it is named; nothing was started")
        .hint("run `workaday` from the environment it was installed in, or set WORKADAY_PYTHON=/path/to/python")
}
