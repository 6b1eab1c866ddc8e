-- close_release: a release has ended, so or so.
UPDATE workaday_releases SET state = :state, verdict = :verdict, note = :note, ended_at = :now WHERE release = :release;
