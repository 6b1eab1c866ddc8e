-- mute_error: somebody knows of this error.
INSERT INTO workaday_mutes (fingerprint, muted_at, who, note, release, until) VALUES (:fingerprint, :now, :who, :note, :release, :until)
ON CONFLICT (fingerprint) DO UPDATE SET muted_at = excluded.muted_at, who = excluded.who, note = excluded.note,
  release = excluded.release, until = excluded.until;
