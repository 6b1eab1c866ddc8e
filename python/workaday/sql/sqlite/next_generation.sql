-- next_generation: a supervisor begins a term. The caller holds the supervisor lock.
INSERT INTO workaday_meta (name, value) VALUES ('generation', '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)
RETURNING CAST(value AS INTEGER);
