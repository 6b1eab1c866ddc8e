-- rehearsals: rehearsals, the newest first.
SELECT rehearsal, at, took_us, revision, config_hash, level, passed, proof FROM workaday_rehearsals ORDER BY rehearsal DESC LIMIT :limit;
