-- 0001_spine, undone: the store is as if Workaday had never been here. Only workaday_ tables go.
DROP TABLE workaday_alerts;
DROP TABLE workaday_audit;
DROP TABLE workaday_workers;
DROP TABLE workaday_holds;
DROP TABLE workaday_tasks;
DROP TABLE workaday_logs;
DROP TABLE workaday_attempts;
DROP TABLE workaday_finished;
DROP TABLE workaday_jobs;
DROP TABLE workaday_meta;
