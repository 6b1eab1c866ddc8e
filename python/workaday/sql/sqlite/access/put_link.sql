-- put_link: a one-time link, known by its hash only.
INSERT INTO workaday_links (hash, who, role, created_at, ends_at) VALUES (:hash, :who, :role, :now, :ends_at);
