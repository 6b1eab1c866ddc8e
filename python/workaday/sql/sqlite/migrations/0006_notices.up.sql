-- 0006_notices: what was sent to whom: alerts and pings on their way out.
-- Only widens: an older program goes on raising and closing alerts; what it counts up is told with the next one.

-- told: how many of `count` the courier has taken into notices. news: 1 until the courier has seen the row as it stands.
ALTER TABLE workaday_alerts ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workaday_alerts ADD COLUMN news INTEGER NOT NULL DEFAULT 1;
UPDATE workaday_alerts SET news = 0 WHERE closed_at IS NOT NULL;
CREATE INDEX workaday_alerts_news ON workaday_alerts (key) WHERE news = 1;

-- One message to one [alerts.NAME]. It gathers what is alike until its body is written, just before the first try.
CREATE TABLE workaday_notices (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The same in every try: the receiver knows a repeated one by it.
  id         BLOB    NOT NULL CONSTRAINT notices_id_is_16_bytes CHECK (length(id) = 16),
  route      TEXT    NOT NULL,
  kind       TEXT    NOT NULL CONSTRAINT notices_kind_is_known CHECK (kind = 'raised' OR kind = 'closed'),
  code       TEXT    NOT NULL,
  -- What is alike: the task, schedule or queue.
  matter     TEXT    NOT NULL,
  -- The latest alert in it.
  alert      INTEGER NOT NULL,
  count      INTEGER NOT NULL,
  first_at   INTEGER NOT NULL,
  last_at    INTEGER NOT NULL,
  state      TEXT    NOT NULL DEFAULT 'waiting' CONSTRAINT notices_state_is_known CHECK (state = 'waiting' OR state = 'sent' OR state = 'failed' OR state = 'dropped'),
  tries      INTEGER NOT NULL DEFAULT 0,
  next_at    INTEGER NOT NULL,
  body       TEXT,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  ended_at   INTEGER,
  CONSTRAINT notices_end_once CHECK ((state = 'waiting') = (ended_at IS NULL))
) STRICT;

CREATE UNIQUE INDEX workaday_notices_gathering ON workaday_notices (route, code, matter, kind) WHERE state = 'waiting' AND body IS NULL;
CREATE INDEX workaday_notices_due ON workaday_notices (next_at) WHERE state = 'waiting';
CREATE INDEX workaday_notices_matter ON workaday_notices (route, code, matter, key);
CREATE INDEX workaday_notices_ended ON workaday_notices (ended_at) WHERE ended_at IS NOT NULL;

-- A sign of life to a receiver outside (`ping = "https://…"`), written with the claim or the settlement it tells of.
CREATE TABLE workaday_pings (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The schedule, or the command.
  name       TEXT    NOT NULL,
  url        TEXT    NOT NULL,
  kind       TEXT    NOT NULL CONSTRAINT pings_kind_is_known CHECK (kind = 'start' OR kind = 'success' OR kind = 'fail'),
  job        INTEGER NOT NULL,
  job_id     BLOB    NOT NULL CONSTRAINT pings_job_id_is_16_bytes CHECK (length(job_id) = 16),
  at         INTEGER NOT NULL,
  state      TEXT    NOT NULL DEFAULT 'waiting' CONSTRAINT pings_state_is_known CHECK (state = 'waiting' OR state = 'sent' OR state = 'failed'),
  tries      INTEGER NOT NULL DEFAULT 0,
  next_at    INTEGER NOT NULL,
  last_error TEXT,
  ended_at   INTEGER,
  CONSTRAINT pings_end_once CHECK ((state = 'waiting') = (ended_at IS NULL))
) STRICT;

CREATE INDEX workaday_pings_due ON workaday_pings (next_at) WHERE state = 'waiting';
CREATE INDEX workaday_pings_ended ON workaday_pings (ended_at) WHERE ended_at IS NOT NULL;
