-- 0002_schedules: schedules, their cursor, and the ledger of their ticks. Jobs say which tick they are for.
-- Only widens: a program of schema 1 goes on enqueueing, claiming and settling; it decides no ticks.

CREATE TABLE workaday_schedules (
  -- Stable: a deploy that states it again finds its cursor here.
  name        TEXT    PRIMARY KEY,
  task        TEXT    NOT NULL,
  -- JSON: the whole declaration (due, zone, arguments, policies), see docs/protocol.md.
  declared    TEXT    NOT NULL,
  source      TEXT    NOT NULL CONSTRAINT schedules_source_is_known CHECK (source = 'code' OR source = 'config' OR source = 'dynamic'),
  -- active · absent: no longer declared · broken: cannot run, broken_reason says why. None is ever deleted by a deploy.
  state       TEXT    NOT NULL CONSTRAINT schedules_state_is_known CHECK (state = 'active' OR state = 'absent' OR state = 'broken'),
  broken_reason TEXT,
  -- Where an interval starts; written once, so that restarts do not move it.
  anchor      INTEGER NOT NULL,
  -- The last tick decided. Only rises.
  cursor      INTEGER NOT NULL,
  -- When it is to be decided next; NULL: not before somebody acts.
  next_at     INTEGER,
  skips       INTEGER NOT NULL DEFAULT 0,
  paused_at   INTEGER,
  paused_until INTEGER,
  pause_note  TEXT,
  owner       TEXT,
  reason      TEXT,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  CONSTRAINT schedules_broken_say_why CHECK ((state = 'broken') = (broken_reason IS NOT NULL)),
  CONSTRAINT schedules_paused_until_needs_a_pause CHECK (paused_until IS NULL OR paused_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX workaday_schedules_next ON workaday_schedules (next_at) WHERE next_at IS NOT NULL AND state = 'active';

-- One row a tick: its job, or the reason why it has none. A long silence is one row: at (first), until (last), count.
CREATE TABLE workaday_ticks (
  schedule    TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  until       INTEGER NOT NULL,
  count       INTEGER NOT NULL CONSTRAINT ticks_count_at_least_one CHECK (count >= 1),
  reason      TEXT CONSTRAINT ticks_reason_is_known CHECK (reason = 'missed' OR reason = 'superseded' OR reason = 'skipped_overlap' OR reason = 'paused' OR reason = 'skipped_by_hand'),
  job_id      BLOB CONSTRAINT ticks_job_id_is_16_bytes CHECK (length(job_id) = 16),
  late        INTEGER NOT NULL DEFAULT 0,
  -- The time that the schedule named on its zone's own clock, and the offset from UTC at the instant.
  nominal     TEXT    NOT NULL,
  offset_s    INTEGER NOT NULL,
  -- Occurrences that a clock change put on the same instant.
  merged      INTEGER NOT NULL DEFAULT 0,
  decided_at  INTEGER NOT NULL,
  -- When to look whether its job has started, and whether it has finished; NULL once looked.
  start_by    INTEGER,
  finish_by   INTEGER,
  CONSTRAINT ticks_are_decided_once PRIMARY KEY (schedule, at),
  CONSTRAINT ticks_have_a_job_or_a_reason CHECK ((job_id IS NULL) <> (reason IS NULL)),
  CONSTRAINT ticks_with_a_job_are_single CHECK (job_id IS NULL OR (count = 1 AND until = at))
) STRICT, WITHOUT ROWID;

CREATE INDEX workaday_ticks_decided ON workaday_ticks (decided_at);
CREATE INDEX workaday_ticks_start_by ON workaday_ticks (start_by) WHERE start_by IS NOT NULL;
CREATE INDEX workaday_ticks_finish_by ON workaday_ticks (finish_by) WHERE finish_by IS NOT NULL;

-- tick: JSON for the job's frame: {"schedule","at","nominal","offset","zone"}.
ALTER TABLE workaday_jobs ADD COLUMN schedule TEXT;
ALTER TABLE workaday_jobs ADD COLUMN tick TEXT;
ALTER TABLE workaday_finished ADD COLUMN schedule TEXT;
ALTER TABLE workaday_finished ADD COLUMN tick TEXT;
CREATE INDEX workaday_jobs_schedule ON workaday_jobs (schedule, state) WHERE schedule IS NOT NULL;
CREATE INDEX workaday_jobs_queued_ticks ON workaday_jobs (schedule, key) WHERE schedule IS NOT NULL AND state = 'pending';
