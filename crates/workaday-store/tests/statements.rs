//! The canonical statements against schema 1: they prepare, their parameters stand in the order Rust binds them, their
//! headers say what they are, and the hot ones use the index they were written for.

use rusqlite::Connection;
use workaday_store::migrate::MIGRATIONS;
use workaday_store::statements::{self, Statement};

fn schema() -> Connection {
    let connection = Connection::open_in_memory().expect("an empty database");
    for migration in MIGRATIONS {
        connection.execute_batch(migration.up).expect("the migration applies");
    }
    connection
}

/// What SQLite means to do, one line a step.
fn plan(connection: &Connection, statement: &Statement) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).expect(statement.name);
    let mut rows = explain.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().expect(statement.name) {
        lines.push(row.get::<_, String>(3).expect("the detail column"));
    }
    lines
}

#[test]
fn every_statement_prepares_and_binds_in_the_order_written_beside_it() {
    let connection = schema();
    for statement in statements::ALL {
        let prepared = connection.prepare(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        let names: Vec<&str> =
            (1..=prepared.parameter_count()).map(|index| prepared.parameter_name(index).expect("parameters are named")).collect();
        let expected: Vec<String> = statement.parameters.iter().map(|name| format!(":{name}")).collect();
        assert_eq!(names, expected, "{}", statement.name);
    }
}

#[test]
fn every_file_begins_with_its_name_and_purpose_and_holds_one_statement() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/workaday/sql/sqlite");
    let files = ["", "access", "read"].iter().flat_map(|part| std::fs::read_dir(folder.join(part)).expect("the folder of statements"));
    let files: Vec<_> =
        files.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|end| end == "sql")).collect();
    assert!(files.len() >= statements::ALL.len());
    let connection = schema();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a statement");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(text.starts_with(&format!("-- {name}: ")), "{name}: the header names the file and says what it is for");
        let body: String = text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        assert_eq!(body.matches(';').count(), 1, "{name}: one statement a file");
        connection.prepare(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn hot_statements_use_their_index_and_sort_nothing() {
    let connection = schema();
    let mut wrong = Vec::new();
    for (statement, index) in [
        (&statements::READY_QUEUE, "workaday_jobs_ready (lane=? AND queue>?)"),
        (&statements::NEXT_DUE, "workaday_jobs_due"),
        (&statements::NEXT_EXPIRY, "workaday_jobs_expiring"),
        (&statements::CANCELLING_JOBS, "workaday_jobs_cancelling (cancel_requested_at>?)"),
        (&statements::MARKING_RULE, "workaday_jobs_held (held=? AND held_rule>?)"),
        (&statements::CLAIMABLE_JOBS, "workaday_jobs_ready (lane=? AND queue=?)"),
        (&statements::CLAIM_JOB, "INTEGER PRIMARY KEY (rowid=?)"),
        (&statements::RUNNING_JOB, "INTEGER PRIMARY KEY (rowid=?)"),
        (&statements::RUNNING_BEFORE, "workaday_jobs_running (generation<?)"),
        (&statements::DELETE_RUNNING, "INTEGER PRIMARY KEY (rowid=?)"),
        (&statements::DELETE_JOB, "INTEGER PRIMARY KEY (rowid=?)"),
        (&statements::RETURN_JOB, "INTEGER PRIMARY KEY (rowid=?)"),
        (&statements::STAGE_DUE, "workaday_jobs_due (run_at<?)"),
        (&statements::RESTAGE_RETRIES, "workaday_jobs_due (run_at>?)"),
        (&statements::EXPIRED_JOBS, "workaday_jobs_expiring (expires_at>? AND expires_at<?)"),
        (&statements::LOG_AFTER, "PRIMARY KEY ((job,fence,seq)>(?,?,?))"),
        (&statements::PRUNE_LOGS, "PRIMARY KEY ((job,fence,seq)>(?,?,?) AND (job,fence,seq)<(?,?,?))"),
        (&statements::PRUNE_FINISHED, "workaday_finished_at (state=? AND finished_at<?)"),
        (&statements::LIFT_RULE, "workaday_jobs_held (held=? AND held_rule=?)"),
        (&statements::LIFT_TASK, "workaday_jobs_held (held=?)"),
        (&statements::ENQUEUE, "workaday_finished_id (id=?)"),
        (&statements::JOB_STATE, "workaday_finished_id (id=?)"),
        (&statements::IDS_BETWEEN, "workaday_jobs_id (id>? AND id<?)"),
        (&statements::NEXT_ENDED, "COVERING INDEX workaday_finished_at (state=? AND finished_at>?)"),
        (&statements::LAST_ENDED, "COVERING INDEX workaday_finished_at (state=?)"),
        (&statements::FINISHED_BETWEEN, "COVERING INDEX workaday_finished_at (state=? AND finished_at>? AND finished_at<?)"),
        (&statements::REMOVALS_SINCE, "INTEGER PRIMARY KEY (rowid>?)"),
        (&statements::UNFINISHED_COUNT, "COVERING INDEX workaday_jobs_id"),
        (&statements::LIST_UNFINISHED, "INTEGER PRIMARY KEY (rowid<?)"),
        (&statements::LIST_FINISHED, "INTEGER PRIMARY KEY (rowid<?)"),
        (&statements::NEXT_SCHEDULE, "workaday_schedules_next"),
        (&statements::DUE_SCHEDULES, "workaday_schedules_next (next_at>? AND next_at<?)"),
        (&statements::JOBS_OF_SCHEDULE, "workaday_jobs_schedule (schedule=?)"),
        (&statements::QUEUED_TICKS, "workaday_jobs_queued_ticks"),
        (&statements::NEXT_WATCH, "workaday_ticks_start_by"),
        (&statements::ONE_MEASURE, "PRIMARY KEY (minute=? AND kind=? AND name=? AND release=?)"),
        (&statements::MEASURES, "PRIMARY KEY (minute>? AND minute<?)"),
        (&statements::MEASURES_OF, "workaday_measures_series (kind=? AND name=? AND minute>? AND minute<?)"),
        (&statements::LOGS_OF, "PRIMARY KEY (job=? AND (fence,seq)>(?,?))"),
        (&statements::LAST_LOGS, "PRIMARY KEY (job=?)"),
    ] {
        let lines = plan(&connection, statement);
        if !lines.iter().any(|line| line.contains(index)) || lines.iter().any(|line| line.contains("TEMP B-TREE")) {
            wrong.push(format!("{}: expected {index} and no sorting, got {lines:#?}", statement.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A plan can name the index and still step over every row of it, so the steps are counted.
#[test]
fn a_look_costs_the_same_beside_ten_jobs_and_ten_thousand() {
    let connection = schema();
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        INSERT INTO workaday_jobs (id, task, queue, lane, state, run_at, args, held, held_rule, expires_at, created_at)
        SELECT randomblob(16), 't', 'default', 'sync', iif(i % 4 = 1, 'scheduled', 'available'), i, '{}', iif(i % 4 = 0, 'paused', NULL), iif(i % 4 = 0, 7, NULL), i, i FROM n";
    connection.execute(fill, []).expect("many jobs");
    connection.execute("INSERT INTO workaday_holds (rule, task, reason, created_at) VALUES (7, 't', 'r', 0)", []).expect("a rule");
    type Given = &'static [&'static dyn rusqlite::ToSql];
    let looks: [(&Statement, Given); 7] = [
        (&statements::READY_QUEUE, &[&"sync", &""]),
        (&statements::READY_QUEUE, &[&"sync", &"default"]),
        (&statements::NEXT_DUE, &[]),
        (&statements::NEXT_EXPIRY, &[]),
        (&statements::CANCELLING_JOBS, &[&1]),
        (&statements::MARKING_RULE, &[&0, &0]),
        (&statements::MARKING_RULE, &[&0, &7]),
    ];
    for (statement, given) in looks {
        let mut prepared = connection.prepare(statement.sql).expect(statement.name);
        let rows = prepared.query(given).expect(statement.name).mapped(|_| Ok(())).count();
        let steps = prepared.get_status(rusqlite::StatementStatus::VmStep);
        assert!(steps < 200, "{}: {steps} steps for {rows} rows", statement.name);
    }
}
