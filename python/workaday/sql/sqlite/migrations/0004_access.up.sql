-- 0004_access: who may look and act: users, tokens, sessions, one-time links. Secrets are kept as hashes only.
-- Only widens: programs of an older schema never look here.

CREATE TABLE workaday_users (
  name       TEXT PRIMARY KEY,
  role       TEXT NOT NULL CONSTRAINT users_role_is_known CHECK (role = 'viewer' OR role = 'operator' OR role = 'admin'),
  -- Argon2id, with its salt and costs, as a PHC string.
  password   TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A token is 256 random bits, so its SHA-256 needs no salt. A revoked one is deleted; the audit remembers it.
CREATE TABLE workaday_tokens (
  name       TEXT PRIMARY KEY,
  hash       BLOB NOT NULL CONSTRAINT tokens_hash_is_32_bytes CHECK (length(hash) = 32),
  role       TEXT NOT NULL CONSTRAINT tokens_role_is_known CHECK (role = 'viewer' OR role = 'operator' OR role = 'admin'),
  -- Words with blanks between: the parts of the API that it opens.
  scopes     TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX workaday_tokens_hash ON workaday_tokens (hash);

CREATE TABLE workaday_sessions (
  hash       BLOB PRIMARY KEY CONSTRAINT sessions_hash_is_32_bytes CHECK (length(hash) = 32),
  who        TEXT NOT NULL,
  -- Of a session from a link; a user's own role is looked up anew at each request.
  role       TEXT NOT NULL CONSTRAINT sessions_role_is_known CHECK (role = 'viewer' OR role = 'operator' OR role = 'admin'),
  -- 1: `who` is a row of workaday_users, and the session ends with it.
  is_user    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  ends_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX workaday_sessions_who ON workaday_sessions (who);

-- Links of `workaday open`: used once, then gone.
CREATE TABLE workaday_links (
  hash       BLOB PRIMARY KEY CONSTRAINT links_hash_is_32_bytes CHECK (length(hash) = 32),
  who        TEXT NOT NULL,
  role       TEXT NOT NULL CONSTRAINT links_role_is_known CHECK (role = 'viewer' OR role = 'operator' OR role = 'admin'),
  created_at INTEGER NOT NULL,
  ends_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
