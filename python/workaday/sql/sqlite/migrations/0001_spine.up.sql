-- 0001_spine: jobs, attempts, logs, the catalogue, holds, workers, audit.
-- Instants are integer microseconds since 1970-01-01 UTC; lengths carry their unit. Ids are UUIDv7 as 16 bytes.
-- Unfinished jobs live in workaday_jobs, finished ones in workaday_finished: the hot path never steps over history.
-- Words are checked with OR, not IN: SQLite builds a table of an IN list for every row it checks, which halved the drain.

CREATE TABLE workaday_meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workaday_jobs (
  -- AUTOINCREMENT: attempts and logs are keyed by it and outlive the row, so a number is never used twice.
  key           INTEGER PRIMARY KEY AUTOINCREMENT,
  id            BLOB    NOT NULL CONSTRAINT jobs_id_is_16_bytes CHECK (length(id) = 16),
  task          TEXT    NOT NULL,
  queue         TEXT    NOT NULL,
  priority      INTEGER NOT NULL DEFAULT 0 CONSTRAINT jobs_priority_in_range CHECK (priority BETWEEN -100 AND 100),
  -- Which kind of child runs it. The engine corrects it when the catalogue says otherwise.
  lane          TEXT    NOT NULL CONSTRAINT jobs_lane_is_known CHECK (lane = 'sync' OR lane = 'async' OR lane = 'solo' OR lane = 'command'),
  state         TEXT    NOT NULL CONSTRAINT jobs_state_is_unfinished CHECK (state = 'pending' OR state = 'scheduled' OR state = 'available' OR state = 'running' OR state = 'retryable'),
  run_at        INTEGER NOT NULL,
  args          TEXT    NOT NULL,
  attempt       INTEGER NOT NULL DEFAULT 0 CONSTRAINT jobs_attempt_not_negative CHECK (attempt >= 0),
  -- Attempts granted by hand on top of the task's own number.
  attempt_extra INTEGER NOT NULL DEFAULT 0,
  fence         INTEGER NOT NULL DEFAULT 0,
  crash_count   INTEGER NOT NULL DEFAULT 0,
  suspect_count INTEGER NOT NULL DEFAULT 0,
  rescue_count  INTEGER NOT NULL DEFAULT 0,
  -- The claim: which supervisor (its generation), which child, since when. NULL unless running.
  generation    INTEGER,
  worker        INTEGER,
  claimed_at    INTEGER,
  held          TEXT CONSTRAINT jobs_held_is_a_code CHECK (held = 'paused' OR held = 'quarantine' OR held = 'unknown_task' OR held = 'arguments_misfit' OR held = 'unreadable'),
  held_rule     INTEGER,
  expires_at    INTEGER,
  cancel_requested_at INTEGER,
  cancel_reason TEXT,
  unique_key    TEXT,
  unique_while  TEXT CONSTRAINT jobs_unique_while_is_known CHECK (unique_while = 'unfinished' OR unique_while = 'waiting'),
  -- 1 while the key is held; given up at the claim when unique_while is 'waiting', and never retaken.
  unique_held   INTEGER NOT NULL DEFAULT 0,
  tags          TEXT,
  progress      REAL,
  progress_note TEXT,
  rerun_of      BLOB,
  enqueued_release TEXT,
  created_at    INTEGER NOT NULL,
  CONSTRAINT jobs_running_has_a_claim CHECK ((state = 'running') = (generation IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX workaday_jobs_id ON workaday_jobs (id);
CREATE INDEX workaday_jobs_ready ON workaday_jobs (lane, queue, priority DESC, run_at, key) WHERE state = 'available' AND held IS NULL;
CREATE INDEX workaday_jobs_due ON workaday_jobs (run_at) WHERE state IN ('scheduled', 'retryable') AND held IS NULL;
CREATE INDEX workaday_jobs_running ON workaday_jobs (generation) WHERE state = 'running';
CREATE INDEX workaday_jobs_cancelling ON workaday_jobs (cancel_requested_at) WHERE cancel_requested_at IS NOT NULL;
CREATE INDEX workaday_jobs_expiring ON workaday_jobs (expires_at) WHERE expires_at IS NOT NULL AND state <> 'running';
CREATE INDEX workaday_jobs_held ON workaday_jobs (held, held_rule) WHERE held IS NOT NULL;
CREATE UNIQUE INDEX workaday_jobs_unique ON workaday_jobs (unique_key) WHERE unique_held = 1;

CREATE TABLE workaday_finished (
  key           INTEGER PRIMARY KEY,
  id            BLOB    NOT NULL,
  task          TEXT    NOT NULL,
  queue         TEXT    NOT NULL,
  priority      INTEGER NOT NULL,
  lane          TEXT    NOT NULL,
  state         TEXT    NOT NULL CONSTRAINT finished_state_is_final CHECK (state = 'completed' OR state = 'cancelled' OR state = 'discarded'),
  -- Why it ended so, when the state alone does not say: 'expired', 'outcome_unknown', 'result.not_stored', 'by_hand' …
  reason        TEXT,
  run_at        INTEGER NOT NULL,
  args          TEXT    NOT NULL,
  result        TEXT,
  attempt       INTEGER NOT NULL,
  attempt_extra INTEGER NOT NULL,
  fence         INTEGER NOT NULL,
  unique_key    TEXT,
  unique_while  TEXT,
  tags          TEXT,
  rerun_of      BLOB,
  enqueued_release TEXT,
  cancel_reason TEXT,
  created_at    INTEGER NOT NULL,
  finished_at   INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX workaday_finished_id ON workaday_finished (id);
CREATE INDEX workaday_finished_at ON workaday_finished (state, finished_at);

-- One row for each claim that ended, written with the settlement. Keyed by fence: attempt numbers repeat.
CREATE TABLE workaday_attempts (
  job           INTEGER NOT NULL,
  fence         INTEGER NOT NULL,
  attempt       INTEGER NOT NULL,
  outcome       TEXT    NOT NULL CONSTRAINT attempts_outcome_is_known CHECK (outcome = 'completed' OR outcome = 'failed' OR outcome = 'timed_out' OR outcome = 'over_memory' OR outcome = 'crashed' OR outcome = 'suspect' OR outcome = 'rescued' OR outcome = 'snoozed' OR outcome = 'cancelled' OR outcome = 'discarded' OR outcome = 'given_back' OR outcome = 'outcome_unknown'),
  claimed_at    INTEGER NOT NULL,
  started_at    INTEGER,
  ended_at      INTEGER NOT NULL,
  waited_us     INTEGER,
  ran_us        INTEGER,
  cpu_us        INTEGER,
  memory_peak_kib INTEGER,
  -- JSON {"type","message","traceback","expected","retry"}; text only, never rebuilt into a class.
  error         TEXT,
  -- JSON {"kind":"exit|signal|oom|timeout|memory|supervisor_died", …}: how the process ended, when it did.
  cause         TEXT,
  child         TEXT,
  release       TEXT,
  log_lines     INTEGER NOT NULL DEFAULT 0,
  log_dropped_bytes INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (job, fence)
) STRICT, WITHOUT ROWID;

CREATE TABLE workaday_logs (
  job    INTEGER NOT NULL,
  fence  INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  stream TEXT    NOT NULL CONSTRAINT logs_stream_is_known CHECK (stream = 'stdout' OR stream = 'stderr' OR stream = 'log' OR stream = 'raw' OR stream = 'system'),
  level  TEXT,
  logger TEXT,
  text   TEXT    NOT NULL,
  PRIMARY KEY (job, fence, seq)
) STRICT, WITHOUT ROWID;

-- The catalogue as the last child stated it. A failed import changes nothing here.
CREATE TABLE workaday_tasks (
  name       TEXT PRIMARY KEY,
  queue      TEXT NOT NULL,
  lane       TEXT NOT NULL,
  -- JSON: the whole entry (schema, retry, timeout, memory, owner, expects, rollback, retry_safe, at_most_once, doc).
  entry      TEXT NOT NULL,
  release    TEXT,
  present    INTEGER NOT NULL DEFAULT 1,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A switch-off: of a task (task set), of one argument value (where_args set too), or of a queue (queue set).
CREATE TABLE workaday_holds (
  rule       INTEGER PRIMARY KEY AUTOINCREMENT,
  task       TEXT,
  queue      TEXT,
  where_args TEXT,
  reason     TEXT NOT NULL,
  owner      TEXT,
  until      INTEGER,
  created_at INTEGER NOT NULL,
  released_at INTEGER,
  CONSTRAINT holds_name_a_task_or_a_queue CHECK ((task IS NULL) <> (queue IS NULL))
) STRICT;

CREATE TABLE workaday_workers (
  worker     INTEGER PRIMARY KEY AUTOINCREMENT,
  generation INTEGER NOT NULL,
  kind       TEXT    NOT NULL,
  pid        INTEGER NOT NULL,
  boot_id    TEXT    NOT NULL,
  process_started_at INTEGER NOT NULL,
  release    TEXT,
  started_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  ended_at   INTEGER,
  end_cause  TEXT,
  info       TEXT
) STRICT;

-- Who did what by hand, and why.
CREATE TABLE workaday_audit (
  key    INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,
  who    TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  why    TEXT,
  detail TEXT
) STRICT;

-- What needs a hand: quarantined, unknown task, discarded … One open row a code and subject.
CREATE TABLE workaday_alerts (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  code       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  message    TEXT NOT NULL,
  count      INTEGER NOT NULL DEFAULT 1,
  first_at   INTEGER NOT NULL,
  last_at    INTEGER NOT NULL,
  closed_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX workaday_alerts_open ON workaday_alerts (code, subject) WHERE closed_at IS NULL;
