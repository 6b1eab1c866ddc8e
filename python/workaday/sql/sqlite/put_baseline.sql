-- put_baseline: keeps a stretch of time under a name. Nothing comes back: the name is taken.
INSERT INTO workaday_baselines (name, since, before, captured_at, release, noticed)
VALUES (:name, :since, :before, :now, :release, :noticed) ON CONFLICT (name) DO NOTHING;
