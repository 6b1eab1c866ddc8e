//! The commands, one file each. A command asks the store, prints through the context's output, and returns an exit code.

mod alert;
mod backup;
mod baseline;
mod catalogue;
mod command_shim;
mod compare;
mod completions;
mod confirm;
mod cron;
mod dev;
mod doctor;
mod enqueue;
mod import;
mod init;
mod install;
mod job;
mod leftovers;
mod logs;
mod man;
mod measures;
mod migrate;
mod notes;
mod open;
mod prune;
mod queue;
mod rehearse;
mod release;
mod restore;
mod runbook;
mod schedule;
mod status;
mod task;
mod test_engine;
mod token;
mod up;
mod user;
mod web_routes;
mod worker;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Done;

pub fn run(command: Command, context: &mut Context) -> Done {
    match command {
        Command::Init(args) => init::run(&args, context),
        Command::Up(args) => up::run(&args, context),
        Command::Dev(args) => dev::run(&args, context),
        Command::Enqueue(args) => enqueue::run(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::Job(args) => job::run(args, context),
        Command::Task(args) => task::run(&args, context),
        Command::Queue(args) => queue::run(&args, context),
        Command::Schedule(args) => schedule::run(&args, context),
        Command::Worker(args) => worker::run(&args, context),
        Command::Logs(args) => logs::run(&args, context),
        Command::Open(args) => open::run(&args, context),
        Command::User(args) => user::run(&args, context),
        Command::Token(args) => token::run(&args, context),
        Command::WebRoutes => web_routes::run(context),
        Command::Alert(args) => alert::run(&args, context),
        Command::Import(args) => import::run(&args, context),
        Command::Cron(args) => cron::run(&args, context),
        Command::Measures(args) => measures::run(&args, context),
        Command::Migrate(args) => migrate::run(&args, context),
        Command::Backup(args) => backup::run(&args, context),
        Command::Restore(args) => restore::run(&args, context),
        Command::Release(args) => release::run(&args, context),
        Command::Rehearse(args) => rehearse::run(&args, context),
        Command::RehearsalPlay(args) => rehearse::player(&args),
        Command::RehearsalProbe(args) => rehearse::prober(&args, context),
        Command::Notes(args) => notes::run(&args, context),
        Command::Baseline(args) => baseline::run(&args, context),
        Command::Compare(args) => compare::run(&args, context),
        Command::Runbook(args) => runbook::run(&args, context),
        Command::Catalogue(args) => catalogue::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Install(args) => install::install(&args, context),
        Command::Uninstall(args) => install::uninstall(&args, context),
        Command::Prune(args) => prune::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
        Command::TestEngine => test_engine::run(),
        Command::CommandShim(args) => command_shim::run(args),
    }
}
