//! The program `workaday`.
fn main() -> std::process::ExitCode {
    workaday_cli::run()
}
