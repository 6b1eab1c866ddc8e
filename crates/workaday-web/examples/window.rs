//! The window alone, on a store that no supervisor serves: to look at pages, and for their tests.
//!
//! `cargo run -p workaday-web --example window -- STORE [PORT]`; it ends with its standard input.

use std::io::Read;
use std::time::Duration;
use workaday_config::settings::{Sources, load};

fn main() -> Result<(), String> {
    let mut given = std::env::args().skip(1);
    let store = given.next().ok_or("which store?")?;
    let port = given.next().unwrap_or_else(|| "7228".to_owned());
    // Beside the store, where no workaday.toml is expected.
    let store = std::path::PathBuf::from(store);
    let folder = store.parent().unwrap_or(&store).to_path_buf();
    let sources = Sources { folder, cores: 1, ..Sources::default() };
    let settings = load(&sources).map_err(|error| error.to_string())?;
    let mut options = workaday_web::Options::of(&settings, store, Some("3f2c1a9".to_owned()));
    // A test asks faster than people do.
    options.rate.count = 100_000;
    options.app = "shop".to_owned();
    options.environment = Some("production".to_owned());
    options.zone = "Europe/Berlin".to_owned();
    options.bind = format!("127.0.0.1:{port}");
    options.bind_is_stated = true;
    // Whoever started it holds the other end: when that is gone, so is this.
    let (ending, ended) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut vec![]);
        drop(ending);
    });
    workaday_web::run(options, move |at_most: Duration| {
        !matches!(ended.recv_timeout(at_most), Err(std::sync::mpsc::RecvTimeoutError::Timeout))
    })
}
