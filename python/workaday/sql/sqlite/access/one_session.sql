-- one_session: a session by the hash of its secret, with the role that its user has now.
SELECT session.who, session.role, session.is_user, session.seen_at, session.ends_at, user.role
FROM workaday_sessions AS session LEFT JOIN workaday_users AS user ON session.is_user = 1 AND user.name = session.who
WHERE session.hash = :hash;
