-- releases: releases, the newest first.
SELECT release, kind, state, revision, previous, reason, owner, verdict, plan, note, started_at, ended_at
FROM workaday_releases WHERE release < :before ORDER BY release DESC LIMIT :limit;
