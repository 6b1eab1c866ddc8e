-- ids_between: jobs whose id begins with a prefix; :low and :high are its smallest and largest ids. Indexes: the two on id.
SELECT id FROM workaday_jobs WHERE id BETWEEN :low AND :high
UNION ALL
SELECT id FROM workaday_finished WHERE id BETWEEN :low AND :high
LIMIT :limit;
