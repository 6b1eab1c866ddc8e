-- end_sessions_of: all sessions of one, on every device.
DELETE FROM workaday_sessions WHERE who = :who;
