-- write_rehearsal: keeps the proof of a rehearsal.
INSERT INTO workaday_rehearsals (at, took_us, revision, config_hash, level, passed, proof)
VALUES (:at, :took_us, :revision, :config_hash, :level, :passed, :proof);
