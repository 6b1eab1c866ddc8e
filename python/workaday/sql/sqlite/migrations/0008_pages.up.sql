-- 0008_pages: which failures are the same, and which of them nobody needs to hear of.
-- Only widens: a program of an earlier schema goes on settling; its failures belong to no group.

-- Which error it was: task, type and place, 16 hex digits. NULL unless the attempt failed.
ALTER TABLE workaday_attempts ADD COLUMN fingerprint TEXT;
-- Only failures are in it, so a job that succeeds pays nothing.
CREATE INDEX workaday_attempts_errors ON workaday_attempts (fingerprint, ended_at) WHERE fingerprint IS NOT NULL;

-- An error that somebody knows of. It ends at its `until`, with the next release, or by hand.
CREATE TABLE workaday_mutes (
  fingerprint TEXT PRIMARY KEY,
  muted_at    INTEGER NOT NULL,
  who         TEXT NOT NULL,
  note        TEXT,
  -- Muted while this release runs; NULL: whichever runs.
  release     TEXT,
  until       INTEGER
) STRICT, WITHOUT ROWID;
