-- end_step: a step of a release has ended.
UPDATE workaday_release_steps SET state = :state, detail = :detail, ended_at = :now WHERE release = :release AND seq = :seq;
