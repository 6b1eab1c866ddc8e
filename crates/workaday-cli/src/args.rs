//! What can be typed: every command and option, once. docs/reference/cli.md, the completions and the man page come from here.

mod schedule;

pub use schedule::*;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Durable jobs and schedules for Python services. Start with `workaday init`.
#[derive(Debug, Parser)]
#[command(name = "workaday", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 worse, 5 not enough data, 75 try again.")]
pub struct Line {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the scripts go; also said when one is printed on a terminal.
pub const COMPLETIONS_HELP: &str = "\
To keep them:
  bash  workaday completions bash > ~/.local/share/bash-completion/completions/workaday
  zsh   workaday completions zsh > \"${fpath[1]}/_workaday\"
  fish  workaday completions fish > ~/.config/fish/completions/workaday.fish";

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Print JSON, errors too
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Read this file instead of the workaday.toml found upwards [env: WORKADAY_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// Use this store: a path or sqlite:///path [env: WORKADAY_DATABASE]
    #[arg(long, global = true, value_name = "STORE", help_heading = "Everywhere")]
    pub database: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write workaday.toml, an example task and its test
    Init(Init),
    /// Run the supervisor: workers, schedules, retries
    Up(Up),
    /// Web service and workers in one terminal, started anew when code changes
    Dev(Dev),
    /// Enqueue a job of a task, from a shell or another language
    Enqueue(Enqueue),
    /// One screen: what runs, what waits, what needs a hand
    Status(Status),
    /// Jobs: list, show, explain, retry …
    #[command(subcommand)]
    Job(Job),
    /// Tasks: list, show, pause, resume
    #[command(subcommand)]
    Task(Task),
    /// Queues: list, pause, resume
    #[command(subcommand)]
    Queue(Queue),
    /// Schedules: what is due, what became of it, run, skip, pause
    #[command(subcommand)]
    Schedule(Schedule),
    /// Workers: the supervisor and its children
    #[command(subcommand)]
    Worker(Worker),
    /// What all jobs print
    Logs(Logs),
    /// Print a one-time login link to the dashboard
    Open(Open),
    /// Users of the dashboard: add, list, remove
    #[command(subcommand)]
    User(User),
    /// Tokens of the HTTP API: create, list, revoke
    #[command(subcommand)]
    Token(Token),
    /// Alerts: what needs a hand, who was told, a test of each receiver
    #[command(subcommand)]
    Alert(Alert),
    /// Move here from another scheduler: proposes, changes nothing
    #[command(subcommand)]
    Import(Import),
    /// Cron expressions: next ticks, plain words
    #[command(subcommand)]
    Cron(Cron),
    /// What was measured: by task, queue and route, minute and release
    #[command(subcommand)]
    Measures(Measures),
    /// Bring the store to this version's schema
    Migrate(Migrate),
    /// Copy the store while it is in use: whole, checked, compressed
    Backup(Backup),
    /// Put a backup back, or prove that it could be
    Restore(Restore),
    /// A change as a controlled act: checked, backed up, watched, compared, written down
    #[command(subcommand)]
    Release(Release),
    /// Try the release and its way back in a scratch place, and keep the proof
    Rehearse(Rehearse),
    /// Search the notes of releases
    Notes(Notes),
    /// Baselines: what is usual, kept under a name to compare with
    #[command(subcommand)]
    Baseline(Baseline),
    /// Better, worse, the same, or not enough data: two times, ranked among moments without a release
    #[command(after_help = COMPARE_HELP)]
    Compare(Compare),
    /// What to know of a task when it needs a hand
    Runbook(Runbook),
    /// The checklist: what is wrong or missing around this store, the worst first
    #[command(after_help = "Exit code 1: a check is red. What could not be found out is unknown, never green.")]
    Doctor(Doctor),
    /// Install it as systemd services: shows the difference first
    Install(Install),
    /// Take the services away again, and put back what stood there before
    Uninstall(Uninstall),
    /// Delete finished jobs, log lines and measures past their retention
    Prune(Prune),
    /// Print the completions of a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(Completions),
    /// Print the man page, or write the pages of all commands into a folder
    Man(Man),
    /// Every route of the dashboard with its role, as JSON: for tests
    #[command(hide = true)]
    WebRoutes,
    /// Plays a rehearsal in its place: started by `rehearse`, not by hand
    #[command(hide = true)]
    RehearsalPlay(RehearsalPlay),
    /// Tries the traps of a rehearsal: started by `rehearse`, not by hand
    #[command(hide = true)]
    RehearsalProbe(RehearsalProbe),
    /// The tasks that the code in this folder states, as JSON; for the deploy gate
    #[command(hide = true)]
    Catalogue(Catalogue),
    /// The engine, driven by JSON lines: for the pytest plugin
    #[command(hide = true)]
    TestEngine,
    /// Keeps the process tree of one command: started by `up`, not by hand
    #[command(hide = true)]
    CommandShim(CommandShim),
}

#[derive(Debug, Args)]
pub struct CommandShim {
    #[arg(long)]
    pub socket: i32,
    #[arg(long)]
    pub children_lock: i32,
    #[arg(long)]
    pub mark: String,
    #[arg(long)]
    pub deadline_us: Option<u64>,
    #[arg(long)]
    pub cwd: PathBuf,
    #[arg(last = true, required = true)]
    pub argv: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Where to write
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Say what would be written, write nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    /// The app to import, as module:name (default: `app` of workaday.toml)
    #[arg(value_name = "MODULE:APP")]
    pub app: Option<String>,
    /// Take over a copied store: claims of this copy start
    #[arg(long)]
    pub adopt: bool,
}

#[derive(Debug, Args)]
pub struct Dev {
    /// The ASGI service to serve with uvicorn, as module:name; without it only the workers run
    #[arg(value_name = "MODULE:APP")]
    pub api: Option<String>,
    /// The app of the workers, as module:name (default: `app` of workaday.toml)
    #[arg(long, value_name = "MODULE:APP")]
    pub worker: Option<String>,
    /// Where the web service listens
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// On this port
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
}

#[derive(Debug, Args)]
pub struct Enqueue {
    /// Its registered name: shop.send_invoice
    pub task: String,
    /// Arguments as a JSON object, parameter to value; `-` reads them from standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// Due after this long: 90s, 5m, 2h
    #[arg(long, value_name = "LENGTH", conflicts_with = "at")]
    pub delay: Option<String>,
    /// Due at this instant: 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Queue (default: the task's)
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// -100 to 100, higher goes first (default: the task's)
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub priority: Option<i32>,
    /// Id of the job, a UUID made by you: the same id again is no second job
    #[arg(long, value_name = "UUID")]
    pub id: Option<String>,
    /// Cancelled if it has not started after this long
    #[arg(long, value_name = "LENGTH")]
    pub expires: Option<String>,
    /// Only one unfinished job of this task with this key, without KEY: with equal arguments. A second enqueue finds the first
    #[arg(long, value_name = "KEY", num_args = 0..=1, default_missing_value = "args")]
    pub unique: Option<String>,
    /// With --unique: the key is held while the job is `unfinished`, or only while it is `waiting`
    #[arg(long = "while", value_name = "STATE", default_value = "unfinished", requires = "unique", value_parser = ["unfinished", "waiting"])]
    pub held_while: String,
    /// With --unique: `return` the job that holds the key, `replace` it while it waits, or fail with an `error`
    #[arg(long, value_name = "WHAT", default_value = "return", requires = "unique", value_parser = ["return", "replace", "error"])]
    pub on_conflict: String,
    /// A word to find it by; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    pub tags: Vec<String>,
    /// Wait until it has finished, and print its result
    #[arg(long)]
    pub wait: bool,
    /// With --wait: give up after this long; the job goes on
    #[arg(long, value_name = "LENGTH", requires = "wait")]
    pub timeout: Option<String>,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Stay open and renew it
    #[arg(long, short)]
    pub watch: bool,
    /// With --watch: renew after this long
    #[arg(long, value_name = "LENGTH", default_value = "1s")]
    pub every: String,
}

#[derive(Debug, Subcommand)]
pub enum Job {
    /// List jobs, newest first
    List(JobList),
    /// Show one job: arguments, attempts, errors
    Show(JobShow),
    /// Explain its state, and what happens next
    Why(JobId),
    /// What it printed, attempt by attempt
    Logs(JobLogs),
    /// Give finished or quarantined jobs another attempt
    Retry(JobAct),
    /// Cancel jobs that wait; ask those that run to stop
    Cancel(JobAct),
    /// Delete jobs, with their attempts and logs
    Delete(JobAct),
    /// Lift the hold of a job and set its counts to 0
    Release(JobAct),
}

#[derive(Debug, Args)]
pub struct JobId {
    /// Its id, or the first 8 or more digits of it
    #[arg(value_name = "ID")]
    pub id: String,
}

#[derive(Debug, Args)]
pub struct JobShow {
    /// Its id, or the first 8 or more digits of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// The last error's traceback too
    #[arg(long, short)]
    pub traceback: bool,
}

/// Which jobs. All conditions hold together.
#[derive(Clone, Debug, Default, Args)]
pub struct JobFilter {
    /// Of this task
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// In this queue
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// In this state: pending, scheduled, available, running, retryable, completed, cancelled, discarded; may be repeated
    #[arg(long = "state", value_name = "STATE")]
    pub states: Vec<String>,
    /// Held, for any reason or for this one: paused, quarantine, unknown_task, arguments_misfit, unreadable
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "any")]
    pub held: Option<String>,
}

#[derive(Debug, Args)]
pub struct JobList {
    #[command(flatten)]
    pub filter: JobFilter,
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct JobLogs {
    /// Its id, or the first 8 or more digits of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Go on until the job has finished
    #[arg(long, short)]
    pub follow: bool,
    /// Only this attempt
    #[arg(long, value_name = "NUMBER")]
    pub attempt: Option<u32>,
}

#[derive(Debug, Args)]
pub struct JobAct {
    /// Their ids; or choose by filter
    #[arg(value_name = "ID", conflicts_with_all = ["task", "queue", "states", "held"])]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub filter: JobFilter,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say which jobs, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

/// Who acts, and why: kept in the audit.
#[derive(Clone, Debug, Default, Args)]
pub struct By {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who stands for it (default: user@host) [env: WORKADAY_OWNER]
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// List the tasks that workers have stated
    List,
    /// Show one task: parameters, policy, owner, switch-offs
    Show(TaskName),
    /// Switch a task off, or one argument value of it
    Pause(TaskPause),
    /// Switch it on again
    Resume(TaskResume),
}

#[derive(Debug, Args)]
pub struct TaskName {
    /// Its registered name
    pub task: String,
}

#[derive(Debug, Args)]
pub struct TaskPause {
    /// Its registered name
    pub task: String,
    /// Only jobs with this argument value: order_id=42; may be repeated, all must hold
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub where_args: Vec<String>,
    /// Until this instant, or for this long: 2030-01-01T00:00:00Z, 2h
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct TaskResume {
    /// Its registered name
    pub task: String,
    /// The switch-off with this argument value: order_id=42
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub where_args: Vec<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Subcommand)]
pub enum Queue {
    /// List the queues, with what waits in each
    List,
    /// Claim nothing more from a queue
    Pause(QueuePause),
    /// Claim from it again
    Resume(QueueResume),
}

#[derive(Debug, Args)]
pub struct QueuePause {
    /// Its name
    pub queue: String,
    /// Until this instant, or for this long: 2030-01-01T00:00:00Z, 2h
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct QueueResume {
    /// Its name
    pub queue: String,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Subcommand)]
pub enum Worker {
    /// List the supervisor and its children
    List(WorkerList),
    /// Stop the supervisor: running jobs may finish within the grace, the rest goes back
    Drain,
}

#[derive(Debug, Args)]
pub struct WorkerList {
    /// Those that have ended too
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Go on until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// Only jobs of this task
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Begin with this many lines
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub lines: u32,
}

/// Roles of the dashboard, the least first.
pub const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

#[derive(Debug, Args)]
pub struct Open {
    /// What the one who uses it may do
    #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = ROLES)]
    pub role: String,
    /// Whose name stands in the audit (default: user@host) [env: WORKADAY_OWNER]
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user, or give one another role and password; the password is asked for, or read from standard input
    Add(UserAdd),
    /// List users and their roles
    List,
    /// Remove a user and end what is open in his name
    Remove(UserRemove),
}

#[derive(Debug, Args)]
pub struct UserAdd {
    /// His name
    pub name: String,
    /// What he may do
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = ROLES)]
    pub role: String,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct UserRemove {
    /// His name
    pub name: String,
    /// Say what would go, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it, this once
    Create(TokenCreate),
    /// List tokens, never what opens
    List,
    /// Revoke a token: it opens nothing from now on
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// What it is for: prometheus
    pub name: String,
    /// What its holder may do
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = ROLES)]
    pub role: String,
    /// The part of the API that it opens: read, metrics, enqueue, jobs, tasks, queues, schedules, alerts; may be repeated (default: all that its role allows)
    #[arg(long = "scope", value_name = "SCOPE", value_parser = workaday_web::api::SCOPES)]
    pub scopes: Vec<String>,
    /// It opens for this long, at most (default: until revoked)
    #[arg(long, value_name = "LENGTH")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// Its name
    pub name: String,
    /// Say what would be revoked, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Subcommand)]
pub enum Alert {
    /// List what needs a hand, newest first
    List(AlertList),
    /// Say that alerts are settled
    Close(AlertClose),
    /// Send a test to one receiver and print what came back
    Test(AlertTest),
    /// List what was sent to whom: notices and pings, newest first
    Deliveries(AlertDeliveries),
}

#[derive(Debug, Args)]
pub struct AlertList {
    /// Those that are closed too
    #[arg(long)]
    pub all: bool,
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct AlertClose {
    /// Their numbers, as `alert list` shows them
    #[arg(value_name = "NUMBER", required = true)]
    pub numbers: Vec<i64>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct AlertTest {
    /// The receiver: NAME of [alerts.NAME]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct AlertDeliveries {
    /// Only those that failed, once or for good
    #[arg(long)]
    pub failing: bool,
    /// At most this many of each
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Propose [command.NAME] tables for a crontab, and compare both timetables for a month
    Crontab(ImportCrontab),
}

#[derive(Debug, Args)]
pub struct ImportCrontab {
    /// The crontab; `-` reads standard input
    #[arg(value_name = "FILE", required_unless_present = "list")]
    pub file: Option<PathBuf>,
    /// Your own crontab, as `crontab -l` prints it
    #[arg(short = 'l', long, conflicts_with = "file")]
    pub list: bool,
    /// The sixth field is a user (default: so for /etc/crontab and /etc/cron.d)
    #[arg(long)]
    pub user_column: bool,
    /// The zone of the cron daemon (default: that of this machine)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Compare from this instant on (default: now)
    #[arg(long, value_name = "INSTANT")]
    pub after: Option<String>,
    /// Whom to ask when one fails (default: MAILTO, else the user)
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Cron {
    /// Print the next ticks of an expression, with offset
    Next(CronNext),
    /// Say an expression in plain words
    Explain(CronExplain),
}

#[derive(Debug, Args)]
pub struct CronNext {
    /// Five or six fields, quoted: "15 3 * * *"
    #[arg(required_unless_present = "jsonl")]
    pub expr: Option<String>,
    /// Time zone: Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,
    /// Strictly after this instant (default: now)
    #[arg(long, value_name = "INSTANT")]
    pub after: Option<String>,
    /// How many
    #[arg(short, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub n: u32,
    /// Read lines {expr, tz, after, n}, answer a line each
    #[arg(long, conflicts_with = "expr")]
    pub jsonl: bool,
}

#[derive(Debug, Args)]
pub struct CronExplain {
    /// Five or six fields, quoted: "15 3 * * *"
    pub expr: String,
    /// Time zone: Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,
}

#[derive(Debug, Args)]
pub struct Migrate {
    /// Only say whether the store is at this version's schema; exit 1 if not
    #[arg(long)]
    pub check: bool,
    /// Undo migrations down to this number; what they added is lost
    #[arg(long, value_name = "NUMBER", conflicts_with = "check")]
    pub down_to: Option<u32>,
    /// Say what would be done, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum Measures {
    /// A table of a span of time: runs, errors, times, statements, cache hits; the last hour unless told
    Show(MeasuresWhich),
    /// A line of JSON for each minute of each series; all that is kept unless told
    Export(MeasuresWhich),
}

#[derive(Debug, Args)]
pub struct MeasuresWhich {
    /// task, queue, route, stream, websocket, dropped
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Of this task, queue or route: "GET /orders/{id}"
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// From this instant, or from so long ago: 2030-01-01T00:00:00Z, 6h
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Before this instant, or until so long ago
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub struct Backup {
    /// A file that is not there yet, or a folder (default: `[backup] folder`, where older ones are rotated)
    pub path: Option<PathBuf>,
    /// List the backups that are known
    #[arg(long, conflicts_with = "path")]
    pub list: bool,
    /// Say where it would go and what is there, write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The backup (default: the newest in `[backup] folder`)
    pub path: Option<PathBuf>,
    /// Prove it in a scratch place: sum, pages, schema, rows, a job to claim. The jobs of the store are not touched
    #[arg(long, conflicts_with_all = ["whole_file", "dry_run", "yes"])]
    pub check: bool,
    /// Put the whole file back, tables of an app too
    #[arg(long)]
    pub whole_file: bool,
    /// Say what would change, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct Catalogue {
    /// The app, as module:name (default: `app` of workaday.toml)
    #[arg(value_name = "MODULE:APP")]
    pub app: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Release {
    /// Release what is committed: refuses with every reason at once, else carries it out
    Run(ReleaseRun),
    /// Go on with a release that was cut off
    Resume(ReleaseResume),
    /// Close a release that was cut off, as it stands
    Abort(ReleaseAbort),
    /// Put the recorded release before back, through the same pipeline
    Rollback(ReleaseRollback),
    /// List releases, newest first
    List(ReleaseList),
    /// Show one release: its note and its steps
    Show(ReleaseShow),
}

#[derive(Debug, Args)]
pub struct ReleaseRun {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What is taken for granted; may be repeated
    #[arg(long = "assume", value_name = "TEXT")]
    pub assumptions: Vec<String>,
    /// Watch this long before it is compared (default: `[release] watch`)
    #[arg(long, value_name = "LENGTH")]
    pub watch: Option<String>,
    /// Clear this cache of `[release] caches`, and no other; may be repeated
    #[arg(long = "clear-cache", value_name = "NAME")]
    pub clear_caches: Vec<String>,
    /// Who stands for it (default: `[release] owner`)
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
    /// Look at everything and run the checks, deploy nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The deploy command, in place of `[release] deploy`
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ReleaseResume {
    /// The deploy command got through before it was cut off: do not run it again
    #[arg(long)]
    pub deployed: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseAbort {
    /// Say what would be closed, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseRollback {
    /// The release to undo (default: the last one that was deployed)
    #[arg(value_name = "ID")]
    pub id: Option<i64>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Watch this long before it is compared (default: `[release] watch`)
    #[arg(long, value_name = "LENGTH")]
    pub watch: Option<String>,
    /// Clear this cache of `[release] caches`, and no other; may be repeated
    #[arg(long = "clear-cache", value_name = "NAME")]
    pub clear_caches: Vec<String>,
    /// Look at everything, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseList {
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct ReleaseShow {
    /// Its number
    #[arg(value_name = "ID")]
    pub id: i64,
}

pub const COMPARE_HELP: &str = "\
A side is the name of a baseline, a release key, `now`, or a span: 2030-01-01T12:00:00Z..2030-01-01T13:00:00Z, 2h..1h (ago).
Without B: from the end of A until now.

Exit codes: 0 nothing worse, 4 worse, 5 not enough data.";

#[derive(Debug, Subcommand)]
pub enum Baseline {
    /// Keep the time up to now under a name, with what you noticed
    Capture(BaselineCapture),
    /// List baselines, newest first
    List,
    /// Show one: its span, what was noticed, and what was measured
    Show(BaselineNamed),
    /// Forget one; the measures stay
    Remove(BaselineRemove),
}

#[derive(Debug, Args)]
pub struct BaselineCapture {
    /// Its name, to compare with later: before-the-index
    pub name: String,
    /// How long the time is
    #[arg(long = "for", value_name = "LENGTH", default_value = "1h")]
    pub length: String,
    /// The route or task that is looked at: "GET /orders"
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// The input that shows it: a request, arguments
    #[arg(long, value_name = "TEXT")]
    pub input: Option<String>,
    /// What you see, and where: "the order list takes 3 s, SELECT on lines 60 times"
    #[arg(long, value_name = "TEXT")]
    pub symptom: Option<String>,
}

#[derive(Debug, Args)]
pub struct BaselineNamed {
    /// Its name
    pub name: String,
}

#[derive(Debug, Args)]
pub struct BaselineRemove {
    /// Its name
    pub name: String,
    /// Say what would be forgotten, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// What it is compared with: a baseline, a release, a span
    #[arg(value_name = "A", required_unless_present = "jsonl")]
    pub before: Option<String>,
    /// The time in question
    #[arg(value_name = "B", conflicts_with = "jsonl")]
    pub after: Option<String>,
    /// Two files of exported evidence instead of the store: BEFORE AFTER
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with = "before")]
    pub jsonl: Option<Vec<PathBuf>>,
    /// More evidence from before the change, to learn what is usual
    #[arg(long, value_name = "FILE", requires = "jsonl")]
    pub history: Option<PathBuf>,
    /// A route or task that the change cannot have touched; may be repeated. What they did is taken off the others
    #[arg(long = "control", value_name = "NAME")]
    pub controls: Vec<String>,
    /// Skipped after the change, while caches are cold; only of a time four times as long
    #[arg(long, value_name = "LENGTH", default_value = "5m")]
    pub warmup: String,
    /// A smaller relative change is a trifle, per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub floor: f64,
    /// Show every measure, also those that stayed the same
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Rehearse {
    /// Rehearse also when the isolation that was reached is below `[release.staging] level`
    #[arg(long = "unsafe")]
    pub is_unsafe: bool,
    /// Leave the scratch place there, to be looked at
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, Args)]
pub struct RehearsalPlay {
    #[arg(long)]
    pub scene: PathBuf,
    #[arg(long)]
    pub jail: bool,
}

#[derive(Debug, Args)]
pub struct RehearsalProbe {
    #[arg(long)]
    pub scene: PathBuf,
}

#[derive(Debug, Args)]
pub struct Notes {
    /// All of these words, anywhere in a note; none lists all notes
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Runbook {
    /// Its registered name
    pub task: String,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// The runs that were kept, the newest first, instead of a new one
    #[arg(long)]
    pub history: bool,
    /// With --history: at most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, requires = "history", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct Install {
    /// Services of this user, without root: under ~/.config/systemd/user
    #[arg(long)]
    pub user: bool,
    /// The web service too, as it is started: "uvicorn shop.web:app --port 8000"
    #[arg(long, value_name = "COMMAND")]
    pub service: Option<String>,
    /// The user that the services run as
    #[arg(long, value_name = "NAME", default_value = "workaday", conflicts_with = "user")]
    pub account: String,
    /// A folder that the services may write, beside the store's; may be repeated
    #[arg(long = "writes", value_name = "FOLDER")]
    pub writes: Vec<PathBuf>,
    /// Write below this folder instead of /: for packages and tests
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Show the difference, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Uninstall {
    /// Services of this user
    #[arg(long)]
    pub user: bool,
    /// Below this folder instead of /
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Say what would go, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Say how many would go, delete nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Of this command: job retry
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write a page for every command into this folder: workaday.1, workaday-job-retry.1 …
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell
    pub shell: clap_complete::Shell,
}
