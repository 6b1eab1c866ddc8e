-- task_entry: what the catalogue says of a task.
SELECT entry FROM workaday_tasks WHERE name = :name;
