//! How long a search for the next tick takes: the median and the slowest hundredth over expressions from plain to
//! rare, in zones with and without clock changes, from many starts. Run it with `--release`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use workaday_core::schedule::{Calendar, CronExpr, Rule, Timetable};

const EXPRESSIONS: [&str; 12] = [
    "* * * * *",
    "*/15 9-17 * * MON-FRI",
    "15 3 * * *",
    "30 2 * * SUN",
    "0 0 1 * *",
    "0 0 L * *",
    "0 8 15W * *",
    "0 12 * * MON#2,FRI#4",
    "*/20 * * * * *",
    "0 0 29 2 *",
    "0 0 29 2 */7",
    "0 0 1 1 MON#5",
];
const ZONES: [&str; 6] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"];
const STARTS: i64 = 500;

#[allow(clippy::print_stdout, reason = "the figures are this program's answer")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut all = Vec::new();
    println!("{:24}{:>12}{:>12}{:>12}", "next()", "median", "p99", "longest");
    for text in EXPRESSIONS {
        let expr = CronExpr::parse(text)?;
        let mut times = Vec::new();
        for zone in ZONES {
            let zone = TimeZone::get(zone)?;
            times.extend((0..STARTS).map(|place| timed(|| expr.next(start(place), &zone))));
        }
        line(text, &mut times);
        all.extend(times);
    }
    line("all of them", &mut all);

    let seconds = Rule::Cron(Calendar::from(CronExpr::parse("* * * * * *")?));
    let seconds = Timetable::new(seconds, TimeZone::get("Europe/Berlin")?);
    let year = SignedDuration::from_hours(365 * 24);
    let times = |ask: &dyn Fn(Timestamp)| (0..STARTS).map(|place| timed(|| ask(start(place)))).collect::<Vec<_>>();
    line("count, a year of seconds", &mut times(&|at| _ = black_box(seconds.count(at, at + year))));
    line("latest, every second", &mut times(&|at| _ = black_box(seconds.latest(at))));
    let parse = |text: &str| timed(|| CronExpr::parse(text));
    line("parse", &mut (0..STARTS).flat_map(|_| EXPRESSIONS.map(parse)).collect::<Vec<_>>());
    Ok(())
}

/// Starts spread over the years 2000 to 2037, none of them on a whole hour.
fn start(place: i64) -> Timestamp {
    Timestamp::constant(946_684_800, 0) + SignedDuration::from_secs(place * 2_398_777)
}

fn timed<T>(ask: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(ask());
    started.elapsed()
}

#[allow(clippy::print_stdout, reason = "the figures are this program's answer")]
fn line(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let [median, late] = [times.len() / 2, times.len() * 99 / 100].map(|place| times[place]);
    println!("{name:24}{median:>12.2?}{late:>12.2?}{:>12.2?}", times[times.len() - 1]);
}
