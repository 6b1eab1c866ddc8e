-- put_task: one entry of the catalogue, as the last child stated it.
INSERT INTO workaday_tasks (name, queue, lane, entry, release, present, updated_at) VALUES (:name, :queue, :lane, :entry, :release, 1, :now)
ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, lane = excluded.lane, entry = excluded.entry, release = excluded.release,
  present = 1, updated_at = excluded.updated_at
WHERE (queue, lane, entry, release, present) IS NOT (excluded.queue, excluded.lane, excluded.entry, excluded.release, 1);
