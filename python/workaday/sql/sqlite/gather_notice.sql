-- gather_notice: opens a notice, or adds to the one that still gathers. Index: workaday_notices_gathering.
INSERT INTO workaday_notices (id, route, kind, code, matter, alert, count, first_at, last_at, next_at, created_at)
VALUES (:id, :route, :kind, :code, :matter, :alert, :count, :first_at, :last_at, :next_at, :now)
ON CONFLICT (route, code, matter, kind) WHERE state = 'waiting' AND body IS NULL
DO UPDATE SET count = count + excluded.count, last_at = excluded.last_at, alert = excluded.alert;
