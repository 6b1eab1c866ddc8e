-- touch_workers: the heartbeat of a supervisor, for itself and its children.
UPDATE workaday_workers SET seen_at = :now WHERE generation = :generation AND ended_at IS NULL;
