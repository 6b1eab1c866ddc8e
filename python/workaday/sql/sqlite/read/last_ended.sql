-- last_ended: when the newest job of one state ended. Index only: workaday_finished_at.
SELECT max(finished_at) FROM workaday_finished WHERE state = :state;
