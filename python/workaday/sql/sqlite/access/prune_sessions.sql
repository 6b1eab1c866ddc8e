-- prune_sessions: sessions past their end, or idle for too long.
DELETE FROM workaday_sessions WHERE ends_at <= :now OR seen_at <= :idle_since;
