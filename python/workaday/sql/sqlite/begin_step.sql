-- begin_step: a step of a release begins, or begins again after it was cut off.
INSERT INTO workaday_release_steps (release, seq, step, state, began_at) VALUES (:release, :seq, :step, 'begun', :now)
ON CONFLICT (release, seq) DO UPDATE SET state = 'begun', tries = tries + 1, began_at = excluded.began_at, ended_at = NULL;
