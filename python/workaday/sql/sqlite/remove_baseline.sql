-- remove_baseline: forgets a baseline; the measures stay.
DELETE FROM workaday_baselines WHERE name = :name;
