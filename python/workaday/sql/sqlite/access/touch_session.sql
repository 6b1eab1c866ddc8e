-- touch_session: still in use; written now and then.
UPDATE workaday_sessions SET seen_at = :now WHERE hash = :hash;
