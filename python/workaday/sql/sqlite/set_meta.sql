-- set_meta: one value of the store about itself.
INSERT INTO workaday_meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
