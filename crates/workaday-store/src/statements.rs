//! The canonical statements, one a file in `python/workaday/sql/sqlite`; the Python client reads the same files.
//!
//! Parameters are bound by position: the order beside each name is the order in which they first appear in the text,
//! and `tests/statements.rs` asks SQLite whether that is so.

/// One statement of the canonical set.
#[derive(Debug)]
pub struct Statement {
    /// Its place in [`ALL`].
    pub number: usize,
    /// Its file, without `.sql`.
    pub name: &'static str,
    /// Its text without the header comment: it is long, and says nothing to SQLite.
    pub sql: &'static str,
    pub parameters: &'static [&'static str],
}

macro_rules! statements {
    ($($constant:ident = $file:literal ($($parameter:ident),*)),+ $(,)?) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $($constant),+ }
        $(pub const $constant: Statement = Statement {
            number: Number::$constant as usize,
            name: $file,
            sql: without_header(include_str!(concat!("../../../python/workaday/sql/sqlite/", $file, ".sql"))),
            parameters: &[$(stringify!($parameter)),*],
        };)+
        /// Every statement, for the test that prepares them all.
        pub const ALL: &[&Statement] = &[$(&$constant),+];
    };
}

/// The text after its leading `--` lines.
const fn without_header(text: &str) -> &str {
    let mut rest = text;
    while rest.len() > 2 && rest.as_bytes()[0] == b'-' && rest.as_bytes()[1] == b'-' {
        let mut end = 0;
        while end < rest.len() && rest.as_bytes()[end] != b'\n' {
            end += 1;
        }
        rest = if end < rest.len() { rest.split_at(end + 1).1 } else { "" };
    }
    rest
}

statements! {
    // -- look, claim ---------------------------------------------------------------------------------------------------
    READY_QUEUE = "ready_queue" (lane, queue),
    NEXT_DUE = "next_due" (),
    NEXT_EXPIRY = "next_expiry" (),
    CANCELLING_JOBS = "cancelling_jobs" (limit),
    MARKING_RULE = "marking_rule" (now, rule),
    CLAIMABLE_JOBS = "claimable_jobs" (lane, queue, limit),
    CLAIM_JOB = "claim_job" (fence, generation, worker, now, key),
    JOB_FENCE = "job_fence" (key),
    SET_LANE = "set_lane" (lane, key),
    ENQUEUE = "enqueue" (id, task, queue, priority, lane, run_at, now, args, expires_at, unique_key, unique_while, tags, rerun_of, enqueued_release),
    ID_KNOWN = "id_known" (id),
    FIND_UNIQUE_HOLDER = "find_unique_holder" (unique_key),
    // -- settle --------------------------------------------------------------------------------------------------------
    RUNNING_JOB = "running_job" (key, fence),
    RUNNING_BEFORE = "running_before" (generation, limit),
    RECORD_ATTEMPT = "record_attempt" (job, fence, attempt, outcome, claimed_at, started_at, now, waited_us, ran_us, cpu_us, memory_peak_kib, error, cause, child, release, log_lines, log_dropped_bytes, evidence, unexpected),
    MARK_ERROR = "mark_error" (fingerprint, job, fence),
    DELETE_RUNNING = "delete_running" (key, fence),
    FINISH_JOB = "finish_job" (key, id, task, queue, priority, lane, state, reason, run_at, args, result, attempt, attempt_extra, fence, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, now, schedule, tick),
    FINISH_WAITING = "finish_waiting" (reason, cancel_reason, now, key),
    DELETE_JOB = "delete_job" (key),
    RETURN_JOB = "return_job" (state, run_at, attempt, crash_count, suspect_count, rescue_count, lane, held, key, fence),
    APPEND_LOG = "append_log" (job, fence, seq, at, stream, level, logger, text),
    SET_PROGRESS = "set_progress" (progress, note, key, fence),
    // -- time passes ---------------------------------------------------------------------------------------------------
    STAGE_DUE = "stage_due" (now, limit),
    EXPIRED_JOBS = "expired_jobs" (now, limit),
    PRUNE_FINISHED = "prune_finished" (state, before, limit),
    DELETE_ATTEMPTS = "delete_attempts" (job),
    DELETE_LOGS = "delete_logs" (job),
    LOG_AFTER = "log_after" (job, fence, seq, limit),
    PRUNE_LOGS = "prune_logs" (job, fence, seq, last_job, last_fence, last_seq, before),
    DELETE_FINISHED = "delete_finished" (key),
    // -- holds ---------------------------------------------------------------------------------------------------------
    ACTIVE_HOLDS = "active_holds" (now),
    HOLD_JOB = "hold_job" (held, rule, key),
    SET_JOB_ASIDE = "set_job_aside" (key),
    LIFT_RULE = "lift_rule" (rule, limit),
    LIFT_TASK = "lift_task" (held, task, limit),
    WRITE_HOLD = "write_hold" (task, queue, where_args, reason, owner, until, now),
    UNRELEASED_HOLDS = "unreleased_holds" (task, queue),
    END_HOLD = "end_hold" (now, rule),
    // -- catalogue, workers, alerts ------------------------------------------------------------------------------------
    PUT_TASK = "put_task" (name, queue, lane, entry, release, now),
    ABSENT_TASKS = "absent_tasks" (now, names),
    CATALOGUE = "catalogue" (),
    OPEN_WORKER = "open_worker" (generation, kind, pid, boot_id, process_started_at, release, now, info),
    CLOSE_WORKER = "close_worker" (now, cause, worker),
    TOUCH_WORKERS = "touch_workers" (now, generation),
    LEFTOVERS = "leftovers" (generation),
    RAISE_ALERT = "raise_alert" (code, subject, message, now),
    CLOSE_ALERT = "close_alert" (now, code, subject),
    // -- notices and pings on their way out ----------------------------------------------------------------------------
    CLOSE_ALERT_BY_KEY = "close_alert_by_key" (now, key),
    ALERT_IS_OPEN = "alert_is_open" (code, subject),
    ALERT_NEWS = "alert_news" (limit),
    ALERT_TOLD = "alert_told" (key),
    ONE_ALERT = "one_alert" (key),
    GATHER_NOTICE = "gather_notice" (id, route, kind, code, matter, alert, count, first_at, last_at, next_at, now),
    LAST_NOTICE = "last_notice" (route, code, matter),
    DROP_GATHERING = "drop_gathering" (now, route, code, matter),
    DUE_NOTICES = "due_notices" (now, limit),
    NEXT_NOTICE = "next_notice" (),
    FREEZE_NOTICE = "freeze_notice" (body, key),
    END_NOTICE = "end_notice" (state, tried, error, now, key),
    DELAY_NOTICE = "delay_notice" (tried, error, next_at, key),
    SENT_SINCE = "sent_since" (since, route),
    PRUNE_NOTICES = "prune_notices" (before, limit),
    NOTE_PING = "note_ping" (kind, now, key, fence),
    DUE_PINGS = "due_pings" (now, limit),
    END_PING = "end_ping" (state, error, now, key),
    DELAY_PING = "delay_ping" (error, next_at, key),
    PRUNE_PINGS = "prune_pings" (before, limit),
    // -- schedules and ticks -------------------------------------------------------------------------------------------
    PUT_SCHEDULE = "put_schedule" (name, task, declared, source, state, broken_reason, anchor, cursor, next_at, owner, reason, now),
    ALL_SCHEDULES = "all_schedules" (),
    ONE_SCHEDULE = "one_schedule" (name),
    DUE_SCHEDULES = "due_schedules" (now, limit),
    NEXT_SCHEDULE = "next_schedule" (),
    MOVE_CURSOR = "move_cursor" (cursor, next_at, skips, now, name, known),
    BREAK_SCHEDULE = "break_schedule" (reason, now, name),
    LEAVE_SCHEDULE = "leave_schedule" (now, name),
    PAUSE_SCHEDULE = "pause_schedule" (now, until, note, name),
    RESUME_SCHEDULE = "resume_schedule" (cursor, next_at, now, name),
    WRITE_TICK = "write_tick" (schedule, at, until, count, reason, job_id, late, nominal, offset_s, merged, now, start_by, finish_by),
    INSERT_TICK_JOB = "insert_tick_job" (id, task, queue, priority, lane, waits, run_at, now, args, schedule, tick),
    JOBS_OF_SCHEDULE = "jobs_of_schedule" (schedule, limit),
    QUEUED_TICKS = "queued_ticks" (),
    RELEASABLE_TICKS = "releasable_ticks" (),
    RELEASE_QUEUED = "release_queued" (now),
    NEXT_WATCH = "next_watch" (),
    WATCHED_TICKS = "watched_ticks" (now, limit),
    SEEN_TICK = "seen_tick" (now, schedule, at),
    PRUNE_TICKS = "prune_ticks" (before, limit),
    // -- measures ------------------------------------------------------------------------------------------------------
    ONE_MEASURE = "one_measure" (minute, kind, name, release),
    PUT_MEASURE = "put_measure" (minute, kind, name, release, count, errors, unexpected, refused, cache_hits, cache_misses, run_us, wait_us, cpu_us, memory_kib, db_calls, db_us, http_calls, http_us, response_bytes, statements),
    SEE_SERIES = "see_series" (kind, name, release, minute),
    PRUNE_MEASURES = "prune_measures" (before, limit),
    PRUNE_SERIES = "prune_series" (before),
    PRUNE_SCHEDULES = "prune_schedules" (before, limit),
    LEARN_SCHEDULE = "learn_schedule" (runs, failures, name),
    MOVE_NEXT = "move_next" (next_at, now, name, known),
    ADD_SCHEDULE = "add_schedule" (name, task, declared, now, owner, reason),
    REMOVE_SCHEDULE = "remove_schedule" (now, name),
    END_PAUSE = "end_pause" (now, name),
    // -- the store about itself ----------------------------------------------------------------------------------------
    NEXT_GENERATION = "next_generation" (),
    SET_META = "set_meta" (name, value),
    GET_META = "get_meta" (name),
    // -- by hand -------------------------------------------------------------------------------------------------------
    JOB_STATE = "job_state" (id),
    MARK_CANCEL = "mark_cancel" (now, reason, key),
    REVIVE_JOB = "revive_job" (now, attempt_extra, key),
    RELEASE_JOB = "release_job" (key),
    WRITE_AUDIT = "write_audit" (now, who, action, target, why, detail),
    MUTE_ERROR = "mute_error" (fingerprint, now, who, note, release, until),
    UNMUTE_ERROR = "unmute_error" (fingerprint),
    // -- backups, releases, rehearsals ---------------------------------------------------------------------------------
    WRITE_BACKUP = "write_backup" (path, sha256, why, at, took_us, bytes, stored_bytes, schema, counts),
    PROVE_BACKUP = "prove_backup" (now, proof, sha256),
    REMOVE_BACKUP = "remove_backup" (now, path),
    OPEN_RELEASE = "open_release" (kind, revision, previous, reason, owner, plan, now),
    CLOSE_RELEASE = "close_release" (state, verdict, note, now, release),
    BEGIN_STEP = "begin_step" (release, seq, step, now),
    END_STEP = "end_step" (state, detail, now, release, seq),
    WRITE_REHEARSAL = "write_rehearsal" (at, took_us, revision, config_hash, level, passed, proof),
    BACKUPS = "read/backups" (limit),
    NEWEST_PROOF = "read/newest_proof" (),
    RELEASES = "read/releases" (before, limit),
    STEPS_OF = "read/steps_of" (release),
    REHEARSALS = "read/rehearsals" (limit),
    PUT_BASELINE = "put_baseline" (name, since, before, now, release, noticed),
    REMOVE_BASELINE = "remove_baseline" (name),
    BASELINES = "read/baselines" (name, limit),
    UNFINISHED_ARGUMENTS = "read/unfinished_arguments" (after, limit),
    OUTCOMES_BETWEEN = "read/outcomes_between" (since, before),
    LAST_GOOD = "read/last_good" (task),
    FAILURES_OF = "read/failures_of" (task, limit),
    // -- what the faces ask ---------------------------------------------------------------------------------------------
    READY_COUNTS = "read/ready_counts" (),
    DUE_COUNTS = "read/due_counts" (),
    RUNNING_COUNTS = "read/running_counts" (),
    HELD_COUNTS = "read/held_counts" (),
    PENDING_COUNTS = "read/pending_counts" (),
    UNFINISHED_COUNT = "read/unfinished_count" (),
    FINISHED_COUNTS = "read/finished_counts" (),
    FINISHED_SINCE = "read/finished_since" (state, since),
    OPEN_ALERT_COUNT = "read/open_alert_count" (),
    LIST_UNFINISHED = "read/list_unfinished" (before, state, task, queue, since, held, tag, limit),
    LIST_FINISHED = "read/list_finished" (before, state, task, queue, since, tag, limit),
    IDS_BETWEEN = "read/ids_between" (low, high, limit),
    ONE_JOB = "read/one_job" (id),
    ATTEMPTS_OF = "read/attempts_of" (job),
    LOGS_OF = "read/logs_of" (job, fence, seq, limit),
    ALL_TASKS = "read/all_tasks" (),
    ALL_HOLDS = "read/all_holds" (released, limit),
    ALL_WORKERS = "read/all_workers" (ended, limit),
    ALL_ALERTS = "read/all_alerts" (before, closed, limit),
    TICKS_OF = "read/ticks_of" (schedule, before, limit),
    SCHEDULE_COUNTS = "read/schedule_counts" (),
    TICK_AT = "read/tick_at" (schedule, at),
    MEASURES = "read/measures" (from, to, kind, name, release),
    MEASURES_OF = "read/measures_of" (kind, name, from, to, release),
    SERIES = "read/series" (from, to, kind),
    ALL_NOTICES = "read/all_notices" (before, failing, limit),
    ALL_PINGS = "read/all_pings" (before, failing, limit),
    LAST_LOGS = "read/last_logs" (job, limit),
    AUDIT_TRAIL = "read/audit_trail" (before, limit),
    CHANGES = "read/changes" (),
    // -- who may look and act -----------------------------------------------------------------------------------------
    PUT_USER = "access/put_user" (name, role, password, created_by, now),
    REMOVE_USER = "access/remove_user" (name),
    ONE_USER = "access/one_user" (name),
    ALL_USERS = "access/all_users" (),
    PUT_TOKEN = "access/put_token" (name, hash, role, scopes, created_by, now, expires_at),
    REMOVE_TOKEN = "access/remove_token" (name),
    ONE_TOKEN = "access/one_token" (hash),
    ALL_TOKENS = "access/all_tokens" (),
    TOUCH_TOKEN = "access/touch_token" (now, hash),
    PUT_SESSION = "access/put_session" (hash, who, role, is_user, now, ends_at),
    ONE_SESSION = "access/one_session" (hash),
    TOUCH_SESSION = "access/touch_session" (now, hash),
    END_SESSION = "access/end_session" (hash),
    END_SESSIONS_OF = "access/end_sessions_of" (who),
    PRUNE_SESSIONS = "access/prune_sessions" (now, idle_since),
    PUT_LINK = "access/put_link" (hash, who, role, now, ends_at),
    ONE_LINK = "access/one_link" (hash, now),
    TAKE_LINK = "access/take_link" (hash, now),
    PRUNE_LINKS = "access/prune_links" (now),
    // -- what the pages ask: bounded, whatever the store holds ------------------------------------------------------------
    ALL_MUTES = "read/all_mutes" (limit),
    FINISHED_BETWEEN = "read/finished_between" (state, since, until, limit),
    READY_SOME = "read/ready_some" (lane, queue, limit),
    READY_STEP = "read/ready_step" (lane, queue, priority),
    DUE_SOME = "read/due_some" (limit),
    HELD_SOME = "read/held_some" (limit),
    UNFINISHED_SOME = "read/unfinished_some" (limit),
    PAGE_UNFINISHED = "read/page_unfinished" (before, floor, state, task, queue, tag, text, limit),
    PAGE_RUNNING = "read/page_running" (before, task, queue, tag, text, limit),
    PAGE_HELD = "read/page_held" (look, before, task, queue, tag, text, limit),
    PAGE_DUE = "read/page_due" (since, until, state, task, queue, tag, text, limit),
    PAGE_FINISHED = "read/page_finished" (before, floor, task, queue, tag, text, limit),
    PAGE_ENDED = "read/page_ended" (state, before, floor, task, queue, tag, text, limit),
    UNFINISHED_FLOOR = "read/unfinished_floor" (before, look),
    FINISHED_FLOOR = "read/finished_floor" (before, look),
    ENDED_FLOOR = "read/ended_floor" (state, before, look),
    DUE_FLOOR = "read/due_floor" (since, look),
    JOB_BY_KEY = "read/job_by_key" (key),
    NEXT_ERROR = "read/next_error" (after),
    ERROR_FIRST = "read/error_first" (fingerprint),
    ERROR_LAST = "read/error_last" (fingerprint, before, limit),
    ERROR_COUNT = "read/error_count" (fingerprint, since, until, limit),
    RECENT_RUNS = "read/recent_runs" (since, until, limit),
    RELEASES_SEEN = "read/releases_seen" (limit),
    WORKER_ENDS = "read/worker_ends" (since, limit),
}
