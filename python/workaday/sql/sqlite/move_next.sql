-- move_next: a schedule whose next tick lies elsewhere, since the data of its zone changed.
UPDATE workaday_schedules SET next_at = :next_at, updated_at = :now WHERE name = :name AND cursor = :known;
