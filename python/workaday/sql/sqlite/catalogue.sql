-- catalogue: the entries of every task present, by name.
SELECT entry FROM workaday_tasks WHERE present = 1 ORDER BY name;
