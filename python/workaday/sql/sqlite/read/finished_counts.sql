-- finished_counts: jobs in history, a state. Index only: workaday_finished_at.
SELECT state, count(*) FROM workaday_finished INDEXED BY workaday_finished_at GROUP BY state;
