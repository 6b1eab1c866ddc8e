-- put_session: somebody came in.
INSERT INTO workaday_sessions (hash, who, role, is_user, created_at, seen_at, ends_at) VALUES (:hash, :who, :role, :is_user, :now, :now, :ends_at);
