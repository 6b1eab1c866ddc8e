-- see_series: a series has figures of this minute.
INSERT INTO workaday_series (kind, name, release, first_minute, last_minute) VALUES (:kind, :name, :release, :minute, :minute)
ON CONFLICT (kind, name, release) DO UPDATE
SET first_minute = min(first_minute, excluded.first_minute), last_minute = max(last_minute, excluded.last_minute);
