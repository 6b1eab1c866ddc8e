//! Plays lives of the simulator: `workaday-sim --seeds 0..2000 --steps 300 --store model`, or `--seed 17 --trace`.
//!
//! Ends with 1 at the first broken promise, naming the seed that replays it. `--seconds N` ends a run by time.
#![allow(clippy::print_stdout)] // its report is its purpose

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use workaday_testkit::sim::history::What;
use workaday_testkit::sim::{Options, StoreKind, ledger, life, play};

const USAGE: &str =
    "usage: workaday-sim [--seeds A..B | --seed S] [--steps N] [--store model|memory|file] [--seconds N] [--keep-going] [--trace]";

struct Line {
    seeds: Range<u64>,
    options: Options,
    store: String,
    limit: Option<Duration>,
    keep_going: bool,
    trace: bool,
}

fn main() -> ExitCode {
    match read(std::env::args().skip(1)) {
        Ok(line) => run(&line),
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Line, String> {
    let (options, store) = (Options::default(), "model".to_owned());
    let mut line = Line { seeds: 0..2_000, options, store, limit: None, keep_going: false, trace: false };
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|error| format!("`{text}`: {error}"));
        match name.as_str() {
            "--seed" => {
                let seed = number(value()?)?;
                line.seeds = seed..seed + 1;
            }
            "--seeds" => {
                let text = value()?;
                let (from, to) = text.split_once("..").ok_or("--seeds wants A..B")?;
                line.seeds = number(from.to_owned())?..number(to.to_owned())?;
            }
            "--steps" => line.options.steps = number(value()?)? as u32,
            "--seconds" => line.limit = Some(Duration::from_secs(number(value()?)?)),
            "--store" => {
                line.store = value()?;
                line.options.store = line.store.parse::<StoreKind>()?;
            }
            "--keep-going" => line.keep_going = true,
            "--trace" => line.trace = true,
            other => return Err(format!("`{other}` is not known")),
        }
    }
    Ok(line)
}

fn run(line: &Line) -> ExitCode {
    let (began, revision) = (Instant::now(), ledger::revision(Path::new(".")));
    let mut struck = HashMap::new();
    let mut result: BTreeMap<&'static str, u64> = ["lost", "doubled", "panics", "broken"].map(|name| (name, 0)).into();
    let (mut lives, mut jobs, mut runs, mut ticks) = (0_u64, 0_u64, 0_u64, 0_u64);
    for seed in line.seeds.clone() {
        if line.limit.is_some_and(|limit| began.elapsed() >= limit) {
            break;
        }
        let Ok(lived) = std::panic::catch_unwind(|| play(seed, &line.options)) else {
            *result.entry("panics").or_default() += 1;
            eprintln!("seed {seed} panicked; replay: workaday-sim --seed {seed} --steps {} --store {}", line.options.steps, line.store);
            if line.keep_going { continue } else { break }
        };
        lives += 1;
        life::add_up(&mut struck, &lived.faults);
        for entry in &lived.history.entries {
            match entry.what {
                What::Enqueued(_) | What::TickJob { .. } => jobs += 1,
                What::Started { .. } => runs += 1,
                What::Ticked(_) => ticks += 1,
                _ => {}
            }
            if line.trace {
                println!("{:>12.3} {:>17} {:?}", (entry.boot - 1_000_000_000) as f64 / 1e3, entry.wall, entry.what);
            }
        }
        if let Err(broken) = lived.verdict {
            let kind = match broken.invariant {
                "I1" => "lost",
                "I3" | "I5" | "I8" => "doubled",
                _ => "broken",
            };
            *result.entry(kind).or_default() += 1;
            println!("seed {seed}: {} broken: {}", broken.invariant, broken.how);
            println!("  replay: workaday-sim --seed {seed} --steps {} --store {} --trace", line.options.steps, line.store);
            if !line.keep_going {
                break;
            }
        }
    }
    report(line, lives, [jobs, runs, ticks], struck, result, began.elapsed(), revision)
}

fn report(
    line: &Line,
    lives: u64,
    [jobs, runs, ticks]: [u64; 3],
    struck: HashMap<&'static str, u64>,
    result: BTreeMap<&'static str, u64>,
    took: Duration,
    revision: String,
) -> ExitCode {
    let bad: u64 = result.values().sum();
    let (steps, seconds) = (line.options.steps, took.as_secs_f64());
    let faults: BTreeMap<&'static str, u64> = struck.into_iter().collect();
    println!("revision {revision}: {lives} lives of {steps} steps on the {} store: {jobs} jobs, {runs} runs, {ticks} ticks", line.store);
    println!("faults: {}", faults.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", "));
    println!("{bad} broken promises; {seconds:.1} s, {:.0} lives a second", lives as f64 / seconds);
    let (from, to) = (line.seeds.start, line.seeds.start + lives);
    let entry = ledger::Line {
        harness: &format!("simulator ({})", line.store),
        revision,
        count: lives,
        unit: &format!("seeds of {steps} steps"),
        faults,
        result,
        seed: format!("{from}..{to}"),
        seconds,
    };
    let text = ledger::text(Path::new("."), &entry);
    println!("{text}");
    if let Err(error) = ledger::append(Path::new("."), &text) {
        eprintln!("the ledger could not be written: {error}");
        return ExitCode::FAILURE;
    }
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
