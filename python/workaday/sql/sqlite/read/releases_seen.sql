-- releases_seen: releases that our processes ran, the newest first.
SELECT release, min(started_at), max(seen_at) FROM workaday_workers WHERE release IS NOT NULL
GROUP BY release ORDER BY min(started_at) DESC LIMIT :limit;
