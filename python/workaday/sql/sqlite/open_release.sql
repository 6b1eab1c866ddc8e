-- open_release: a release begins; the index lets no second one be open.
INSERT INTO workaday_releases (kind, state, revision, previous, reason, owner, plan, started_at)
VALUES (:kind, 'open', :revision, :previous, :reason, :owner, :plan, :now) RETURNING release;
