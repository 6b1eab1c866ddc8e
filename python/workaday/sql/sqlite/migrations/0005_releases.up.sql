-- 0005_releases: backups and their proofs, releases with every step, rehearsals.

-- Backups that were made of this store, and what restoring each proved. The files stand elsewhere: a row outlives its file.
CREATE TABLE workaday_backups (
  backup       INTEGER PRIMARY KEY AUTOINCREMENT,
  path         TEXT    NOT NULL,
  sha256       TEXT    NOT NULL,
  why          TEXT    NOT NULL,
  at           INTEGER NOT NULL,
  took_us      INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL,
  schema       INTEGER NOT NULL,
  -- JSON: table → rows.
  counts       TEXT    NOT NULL,
  proved_at    INTEGER,
  -- JSON: what the restore in a scratch place found.
  proof        TEXT,
  removed_at   INTEGER
) STRICT;
CREATE INDEX workaday_backups_sha256 ON workaday_backups (sha256);

-- A release, and a rollback, which is one too. At most one is open.
CREATE TABLE workaday_releases (
  release  INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     TEXT    NOT NULL CONSTRAINT releases_kind_is_known CHECK (kind = 'release' OR kind = 'rollback'),
  state    TEXT    NOT NULL CONSTRAINT releases_state_is_known CHECK (state = 'open' OR state = 'done' OR state = 'worse' OR state = 'failed' OR state = 'aborted' OR state = 'refused'),
  revision TEXT    NOT NULL,
  -- The release that was in place before this one, as recorded, never guessed.
  previous INTEGER,
  reason   TEXT    NOT NULL,
  owner    TEXT    NOT NULL,
  verdict  TEXT,
  -- JSON: what was planned, written once.
  plan     TEXT    NOT NULL,
  -- The note, Markdown.
  note     TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX workaday_releases_open ON workaday_releases (state) WHERE state = 'open';

-- Written before a step and after it, so that a release that was cut off can be taken up again.
CREATE TABLE workaday_release_steps (
  release  INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  step     TEXT    NOT NULL,
  state    TEXT    NOT NULL CONSTRAINT release_steps_state_is_known CHECK (state = 'begun' OR state = 'done' OR state = 'failed' OR state = 'skipped'),
  tries    INTEGER NOT NULL DEFAULT 1,
  began_at INTEGER NOT NULL,
  ended_at INTEGER,
  -- JSON: commands with exit codes, figures, words.
  detail   TEXT,
  PRIMARY KEY (release, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE workaday_rehearsals (
  rehearsal   INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  took_us     INTEGER NOT NULL,
  revision    TEXT    NOT NULL,
  config_hash TEXT    NOT NULL,
  level       INTEGER NOT NULL,
  passed      INTEGER NOT NULL,
  -- JSON: every step, every trap, every difference.
  proof       TEXT    NOT NULL
) STRICT;

-- A stretch of time that later ones are compared with, and what a person noticed then.
CREATE TABLE workaday_baselines (
  name        TEXT    PRIMARY KEY,
  since       INTEGER NOT NULL,
  before      INTEGER NOT NULL,
  captured_at INTEGER NOT NULL,
  release     TEXT,
  -- JSON: route, input, symptom, who, hashes of configuration and dependencies.
  noticed     TEXT    NOT NULL,
  CONSTRAINT baselines_have_a_length CHECK (before > since)
) STRICT, WITHOUT ROWID;

-- What `workaday doctor` found, a row a run.
CREATE TABLE workaday_checks (
  run      INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  reds     INTEGER NOT NULL,
  warnings INTEGER NOT NULL,
  unknowns INTEGER NOT NULL,
  goods    INTEGER NOT NULL,
  -- JSON: every check, the worst first.
  checks   TEXT    NOT NULL
) STRICT;
