//! One suite of questions for every store: SQLite answers today, PostgreSQL the same later.
//!
//! The questions are in `conformance/`, written over `dyn Store`; this file says which stores answer them.

#[path = "conformance/mod.rs"]
mod suite;

use rusqlite::Connection;
use suite::Subject;
use workaday_store::{OpenOptions, SqliteStore};

/// A fresh store in a folder of its own, and a way to write what no method of the trait writes.
fn sqlite() -> Subject {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("workaday.db");
    let store = SqliteStore::open(&path, OpenOptions::default()).expect("a fresh store");
    // The same library in the same process, as the rules ask.
    let side = Connection::open(&path).expect("a second connection");
    Subject {
        store: Box::new(store),
        run_sql: Box::new(move |sql| side.execute(sql, []).expect("the statement of the test")),
        _kept: Box::new(folder),
    }
}

macro_rules! every_question {
    ($($area:ident: $($question:ident)+;)+) => {
        $(mod $area { $(#[test] fn $question() { super::suite::$area::$question(&mut super::sqlite()); })+ })+

        /// A question that no store is asked would look like one that all answer.
        #[test]
        fn every_question_of_the_suite_is_asked() {
            let asked = [$($(stringify!($question)),+),+];
            let text = concat!($(include_str!(concat!("conformance/", stringify!($area), ".rs"))),+);
            for line in text.lines().filter_map(|line| line.strip_prefix("pub fn ")) {
                let name = line.split('(').next().unwrap_or(line);
                assert!(asked.contains(&name), "{name} is written but not asked");
            }
        }
    };
}

every_question! {
    claiming:
        an_enqueued_job_is_ready_and_a_later_one_is_not
        the_same_id_again_makes_no_second_job
        the_same_id_again_makes_no_second_job_when_it_is_finished
        jobs_are_claimed_by_priority_then_time_then_age
        a_claim_spends_an_attempt_and_raises_the_fence
        a_claimed_job_cannot_be_claimed_again
        a_job_is_claimed_by_its_lane_and_queue_only
        a_corrected_lane_moves_the_job
        a_rolled_back_claim_never_was
        peek_sees_every_pair_once_whatever_waits
        peek_says_what_is_next
        a_unique_key_is_held_by_one_unfinished_job
        a_waiting_unique_key_is_given_up_at_the_claim;
    settling:
        every_row_of_the_state_table_is_written_as_core_decides
        a_stale_fence_settles_nothing
        a_settled_job_cannot_be_settled_again
        nothing_begun_leaves_no_attempt
        running_jobs_of_earlier_generations_are_found
        a_requested_cancel_shows_and_ends_cancelled
        logs_are_kept_once_and_in_order
        progress_of_a_stale_claim_is_refused
        a_finished_row_keeps_what_the_job_was;
    time:
        due_jobs_are_staged_the_earliest_first_and_in_steps
        held_jobs_are_not_staged
        retries_do_not_wait_for_a_clock_that_was_set_back
        waiting_jobs_expire_and_running_ones_do_not
        pruning_takes_only_what_is_past_and_in_steps
        pruning_takes_attempts_and_logs_along
        lines_past_their_retention_go_in_steps_and_their_jobs_stay;
    holding:
        a_held_job_is_not_claimable
        a_released_rule_lifts_its_marks_in_steps
        a_rule_past_its_until_lifts_its_marks
        release_matches_the_same_arguments_only
        a_queue_can_be_held
        a_hold_names_one_target
        a_fitting_catalogue_lifts_the_holds_of_its_task
        marks_of_another_rule_stay;
    keeping:
        the_catalogue_is_replaced_and_absent_tasks_are_kept
        workers_are_opened_touched_and_closed
        an_alert_is_counted_up_while_open
        generations_only_rise
        changed_tells_of_others_not_of_ourselves;
    by_hand:
        cancel_ends_a_waiting_job_and_asks_a_running_one
        an_act_on_a_job_answers_the_alert_about_it
        cancel_of_a_finished_or_missing_job_says_so
        a_retry_by_hand_brings_a_finished_job_back_with_budget
        a_completed_job_is_not_retried
        a_retry_is_refused_while_another_holds_its_unique_key
        a_quarantined_job_is_released_with_fresh_counts
        delete_takes_all_but_a_running_job
        a_write_outside_a_transaction_is_refused;
}
