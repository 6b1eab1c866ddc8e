-- end_session: logged out.
DELETE FROM workaday_sessions WHERE hash = :hash;
