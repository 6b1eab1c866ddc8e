//! Is the service well? A URL that answers 200, or a command that exits with 0.

use crate::command::{Surroundings, run};
use std::path::Path;
use std::time::Duration;
use workaday_config::release::Probe;
use workaday_core::clock::Length;

/// One answer may take this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Asks once. The error says what came instead.
pub fn ask(probe: &Probe, around: &Surroundings, output: &Path) -> Result<String, String> {
    match probe {
        Probe::Url(url) => ask_url(url),
        Probe::Command(argv) => {
            let ran = run(argv, around, Length::seconds(60), output);
            if ran.succeeded() { Ok(ran.ending()) } else { Err(format!("`{}`: {} {}", ran.line(), ran.ending(), ran.tail)) }
        }
    }
}

/// As it is written in the configuration.
pub fn shown(probe: &Probe) -> String {
    match probe {
        Probe::Url(url) => url.clone(),
        Probe::Command(argv) => crate::command::line(argv),
    }
}

fn ask_url(url: &str) -> Result<String, String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).http_status_as_error(false).max_redirects(3).build().into();
    match agent.get(url).call() {
        Ok(answer) if answer.status().as_u16() == 200 => Ok("200".to_owned()),
        Ok(answer) => Err(format!("{url} answered {}", answer.status().as_u16())),
        Err(error) => Err(format!("{url}: {error}")),
    }
}
