//! `workaday up`: from nothing to a running supervisor, in the order that keeps the promise.
//!
//! Lock first (nobody else runs), then the store (migrated, with a backup), then what an earlier generation left is
//! ended, then its claims are given back, then children start.

use crate::beside::{Beside, Ground, Part, Stop};
use crate::checkpointer::CheckpointThread;
use crate::child::{Application, Recipe};
use crate::clocks::moment;
use crate::command::{CommandTask, Commands};
use crate::ending::{Doing, EndWatch};
use crate::interpreter;
use crate::lock::{ChildrenLock, take_supervisor_lock};
use crate::measures::MeasureSocket;
use crate::orphans;
use crate::signals::Signals;
use crate::supervisor::{Supervisor, worker_row};
use crate::wakeup::{WakeSocket, WalWatch};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use workaday_core::ending::SUPERVISOR_DIED;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::Generation;
use workaday_engine::{Engine, Moment, Seeded, Settings};
use workaday_store::crash_point;
use workaday_store::sqlite::instance::Binding;
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, Store, StoreError};

/// How long the children of a dead supervisor may take to be gone once they were killed.
const CHILDREN_PATIENCE: Duration = Duration::from_secs(1);

/// Reads the configuration again, at SIGHUP. The error is all its problems, as text.
pub type Reload = Box<dyn FnMut() -> Result<(Settings, Vec<CommandTask>), String>>;

/// What `up` is started with.
pub struct UpOptions {
    /// The SQLite file.
    pub database: PathBuf,
    /// `module:app`; `None` when there are commands only.
    pub app: Option<String>,
    pub commands: Vec<CommandTask>,
    /// The folder of workaday.toml, else the current one: working directory of the children, first on sys.path.
    pub root: PathBuf,
    pub python: Option<PathBuf>,
    pub release: Option<String>,
    /// Take a copied store as one of its own.
    pub adopt: bool,
    pub settings: Settings,
    /// `None`: SIGHUP changes nothing, and says so.
    pub reload: Option<Reload>,
    /// What else runs in this process: the window, the courier of alerts.
    pub beside: Vec<Part>,
}

/// Runs until drained. The problem, if any, says why it could not start or had to end.
pub fn up(options: UpOptions) -> Result<(), Problem> {
    let started = moment();
    let application = match &options.app {
        Some(app) => Some(Application { python: interpreter::find(options.python.as_deref())?, app: app.clone() }),
        None => None,
    };
    make_folder(&options.database)?;
    let _lock = take_supervisor_lock(&options.database, started.wall)?;
    crash_point!("lock.taken");
    // Before anything is started: a signal from here on drains instead of killing us in the middle.
    let signals = Signals::open().map_err(|error| system("signals could not be opened", &error))?;
    let doing = Doing::new("opening the store", options.settings.ends_within())
        .map_err(|error| system("an event descriptor could not be opened", &error))?;
    let _watch = EndWatch::start(&doing, signals.fd()).map_err(|error| system("a thread could not be started", &error))?;
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let mut store = open(&options.database).map_err(|error| error.problem())?;
    let (paused, origin) = bind(&mut store, options.adopt).map_err(|error| error.problem())?;
    let instance = store.instance_id().map_err(|error| error.problem())?;
    let database = store.path().to_owned();
    doing.now("looking for what an earlier supervisor left");
    let generation = take_over(&mut store, &instance, origin, options.release.clone(), started).map_err(|error| error.problem())?;
    let children_lock = ChildrenLock::take(&database, CHILDREN_PATIENCE)?;
    crash_point!("children.lock_taken");
    let settings = Settings { has_app: application.is_some(), ..options.settings };
    let mut engine =
        Engine::new(Box::new(store), Box::new(Seeded::from_system()), settings, generation, started).map_err(|e| e.problem())?;
    // Before the rescue: what becomes of a command job is decided by the configuration of now.
    let commands = Commands::new(options.commands);
    engine.state_commands(commands.stated(), options.release.clone());
    doing.now("giving back jobs of an earlier supervisor");
    let rescued = engine.rescue(moment()).map_err(|error| error.problem())?;
    crash_point!("rescue.done");
    if rescued.rescued > 0 {
        let took_ms = (moment().steady - started.steady).0 / 1_000;
        tracing::warn!(
            jobs = rescued.rescued,
            quarantined = rescued.quarantined,
            took_ms,
            "{} jobs of a supervisor that died were given back",
            rescued.rescued
        );
    }
    engine.claims_stopped = paused;
    let wake = WakeSocket::bind(&database)?;
    let wal = WalWatch::open(&database);
    let checkpoints =
        CheckpointThread::start(database.clone()).map_err(|error| system("the checkpoint thread could not be started", &error))?;
    let ground = Ground { database: database.clone(), root: options.root.clone(), release: options.release.clone(), stop: Stop::default() };
    let beside = Beside::start(options.beside, &ground);
    let recipe = Recipe {
        application,
        root: options.root,
        database: database.clone(),
        instance,
        generation: generation.0,
        release: options.release,
    };
    let app = recipe.application.as_ref().map_or("none", |application| &application.app);
    tracing::info!(
        %app,
        commands = commands.count(),
        generation = generation.0,
        "workaday {} is up on {}",
        env!("CARGO_PKG_VERSION"),
        database.display()
    );
    let mut supervisor = Supervisor::new(engine, recipe, commands, children_lock, wake, wal, signals, database, doing.clone());
    supervisor.reload = options.reload;
    supervisor.measures = MeasureSocket::bind(&supervisor.database);
    let ended = supervisor.run();
    if ended.is_ok() {
        doing.now("writing that it leaves");
        supervisor.sign_off();
    }
    doing.now("closing the store");
    drop(supervisor);
    doing.now("ending the dashboard and the couriers of alerts");
    drop(beside);
    doing.now("ending the checkpoints");
    drop(checkpoints);
    tracing::info!("workaday is down");
    ended
}

fn make_folder(database: &Path) -> Result<(), Problem> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder.filter(|folder| !folder.exists()) else { return Ok(()) };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        Problem::new("store.unwritable", format!("the folder `{}` could not be made: {error}", folder.display()))
            .expected("a folder that this user may write to")
            .retry(RetryAdvice::SafeAfterFix, "safe after the permission is mended; nothing was started")
    })
}

fn open(database: &Path) -> Result<SqliteStore, StoreError> {
    let options = OpenOptions { migrate: true, checkpoint_on_close: true, ..OpenOptions::default() };
    let store = SqliteStore::open(database, options)?;
    for notice in store.notices() {
        tracing::warn!("{notice}");
    }
    if store.is_app_file() {
        tracing::warn!(
            "the store lies in a file of the app's own: the promise needs SQLite 3.51.3 (or 3.50.7, 3.44.6) or newer in every process that opens it"
        );
    }
    Ok(store)
}

/// Whose processes the rows of the store name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Ours: an earlier supervisor of this very file started them.
    Own,
    /// Those of the file that this one was copied from, which may be in use at this moment.
    Copied,
}

/// Binds a new store, takes over a copied one when asked to, else says that claims stay paused.
fn bind(store: &mut SqliteStore, adopt: bool) -> Result<(Option<String>, Origin), StoreError> {
    match store.check_binding()? {
        Binding::Bound => Ok((None, Origin::Own)),
        Binding::Unbound => in_transaction(store, SqliteStore::bind_instance).map(|()| (None, Origin::Own)),
        Binding::Copy { why } if adopt => {
            let id = in_transaction(store, SqliteStore::adopt_instance)?;
            tracing::warn!("a copied store was adopted as {id} ({why})");
            Ok((None, Origin::Copied))
        }
        Binding::Copy { why } => {
            tracing::error!(
                "this store is a copy ({why}): nothing is claimed, so that no job of the original runs twice; `workaday up --adopt` makes it a store of its own"
            );
            Ok((Some(format!("this store is a copy: {why}")), Origin::Copied))
        }
    }
}

fn in_transaction<T>(store: &mut SqliteStore, write: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
    store.begin(Durability::Full)?;
    match write(store) {
        Ok(value) => store.commit().map(|()| value),
        Err(error) => {
            store.rollback();
            Err(error)
        }
    }
}

/// Raises the generation and ends what earlier ones left: known by boot and start time, or by their mark.
///
/// Of a copied store nothing is ended: its rows, and until it is adopted its mark, are those of the original, whose workers
/// may be at work on this machine.
fn take_over(
    store: &mut SqliteStore,
    instance: &str,
    origin: Origin,
    release: Option<String>,
    now: Moment,
) -> Result<Generation, StoreError> {
    let (generation, leftovers) = in_transaction(store, |store| {
        let generation = store.next_generation()?;
        let leftovers = store.leftovers(generation)?;
        for left in &leftovers {
            let cause = if left.kind == "supervisor" { "died before it could say why" } else { SUPERVISOR_DIED };
            store.close_worker(left.worker, cause, now.wall)?;
        }
        let row = worker_row("supervisor", i64::from(std::process::id()), release);
        store.open_worker(generation, &row, now.wall)?;
        Ok((generation, leftovers))
    })?;
    if origin == Origin::Copied {
        return Ok(generation);
    }
    let boot = orphans::boot_id();
    let alive = leftovers.iter().filter(|left| left.kind != "supervisor" && left.boot_id == boot);
    for left in alive.filter(|left| left.process_started_at != 0 && orphans::process_started_at(left.pid) == left.process_started_at) {
        if let Some(pid) = i32::try_from(left.pid).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    let ended = orphans::end_marked(&format!("{instance}:"));
    if ended > 0 {
        tracing::warn!(processes = ended, "{ended} processes of an earlier supervisor were still there and were ended");
    }
    Ok(generation)
}

fn system(what: &str, error: &std::io::Error) -> Problem {
    Problem::new("supervisor.system", format!("{what}: {error}"))
        .expected("a Linux system with free descriptors and threads")
        .retry(RetryAdvice::Safe, "safe now; nothing was started")
}
