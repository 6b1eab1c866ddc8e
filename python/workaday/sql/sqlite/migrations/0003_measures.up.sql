-- 0003_measures: histograms of response and run times by minute, task or route, and release.
-- Blobs are histograms in the bytes of core::measure::Histogram (docs/reference/measures.md); NULL: not known.

CREATE TABLE workaday_measures (
  -- Whole minutes since 1970-01-01 UTC: a short number, since it stands in every row.
  minute         INTEGER NOT NULL,
  kind           TEXT    NOT NULL,
  name           TEXT    NOT NULL,
  release        TEXT    NOT NULL,
  count          INTEGER NOT NULL CONSTRAINT measures_count_not_negative CHECK (count >= 0),
  errors         INTEGER NOT NULL DEFAULT 0,
  unexpected     INTEGER NOT NULL DEFAULT 0,
  refused        INTEGER NOT NULL DEFAULT 0,
  cache_hits     INTEGER NOT NULL DEFAULT 0,
  cache_misses   INTEGER NOT NULL DEFAULT 0,
  run_us         BLOB,
  wait_us        BLOB,
  cpu_us         BLOB,
  memory_kib     BLOB,
  db_calls       BLOB,
  db_us          BLOB,
  http_calls     BLOB,
  http_us        BLOB,
  response_bytes BLOB,
  -- JSON {statement: [runs, most calls of one run]}: suspects of an N+1, literals stripped.
  statements     TEXT,
  PRIMARY KEY (minute, kind, name, release)
) STRICT, WITHOUT ROWID;

-- One series over weeks is read without stepping over the others.
CREATE INDEX workaday_measures_series ON workaday_measures (kind, name, minute);

-- Which series there are, and from when to when: names and releases without reading all minutes.
CREATE TABLE workaday_series (
  kind         TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  release      TEXT    NOT NULL,
  first_minute INTEGER NOT NULL,
  last_minute  INTEGER NOT NULL,
  PRIMARY KEY (kind, name, release)
) STRICT, WITHOUT ROWID;

-- JSON: what an attempt did besides running (database, cache, HTTP calls). NULL: nothing was counted.
ALTER TABLE workaday_attempts ADD COLUMN evidence TEXT;
-- Why a run that succeeded is not what `expects=` says. NULL: it is, or nothing was expected.
ALTER TABLE workaday_attempts ADD COLUMN unexpected TEXT;
