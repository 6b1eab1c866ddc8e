-- steps_of: the steps of one release, in order.
SELECT seq, step, state, tries, began_at, ended_at, detail FROM workaday_release_steps WHERE release = :release ORDER BY seq;
