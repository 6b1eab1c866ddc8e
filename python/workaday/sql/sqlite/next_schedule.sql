-- next_schedule: when the earliest schedule is to be decided. Index: workaday_schedules_next.
SELECT next_at FROM workaday_schedules INDEXED BY workaday_schedules_next
WHERE next_at IS NOT NULL AND state = 'active' ORDER BY next_at LIMIT 1;
