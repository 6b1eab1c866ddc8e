-- learn_schedule: what a run taught of its schedule; in the transaction that settles the run.
UPDATE workaday_schedules SET runs = :runs, failures = :failures WHERE name = :name;
