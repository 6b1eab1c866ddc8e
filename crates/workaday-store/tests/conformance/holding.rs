//! Switch-offs and the marks they leave.

use super::{NOW, Subject, by, job, later};
use serde_json::json;
use workaday_core::explain::Explain;
use workaday_core::hold::HoldRule;
use workaday_core::job::HeldCode;
use workaday_store::Durability;

fn rule(task: Option<&str>, queue: Option<&str>) -> HoldRule {
    let where_args = Vec::new();
    HoldRule {
        rule: 0,
        task: task.map(Into::into),
        queue: queue.map(Into::into),
        where_args,
        reason: "price fix".into(),
        owner: Some("ada".into()),
        until: None,
    }
}

/// Adds the rule and marks `jobs` fresh jobs with it, as the engine does inside a claim.
fn marked(subject: &mut Subject, rule: &HoldRule, jobs: std::ops::Range<u128>) -> i64 {
    let number = subject.write(|store| store.add_hold(rule, &by(), NOW)).expect("a rule");
    for job_number in jobs {
        subject.enqueue(&job(job_number));
        let key = subject.key_of(job_number);
        subject.write(|store| store.hold_job(key, HeldCode::Paused, Some(number))).expect("a mark");
    }
    number
}

pub fn a_held_job_is_not_claimable(subject: &mut Subject) {
    subject.enqueue(&job(1));
    let key = subject.key_of(1);
    subject.write(|store| store.hold_job(key, HeldCode::UnknownTask, None)).expect("a mark");
    assert!(subject.ready().is_empty());
    assert!(subject.store.peek(NOW).expect("a look").ready.is_empty());
    assert_eq!(subject.claim(key), None);
    assert!(subject.holds("workaday_jobs", "held = 'unknown_task' AND state = 'available'"), "it keeps its state");
}

pub fn a_released_rule_lifts_its_marks_in_steps(subject: &mut Subject) {
    marked(subject, &rule(Some("shop.send"), None), 1..6);
    assert!(!subject.store.peek(NOW).expect("a look").holds_pending);
    assert_eq!(subject.write(|store| store.lift_ended_holds(NOW, 10)).expect("lifting"), 0);
    assert_eq!(subject.write(|store| store.release_hold(Some("shop.send"), None, None, &by(), later(1))).expect("a release"), 1);
    assert!(subject.store.holds(later(1)).expect("the rules").is_empty());
    assert!(subject.store.peek(later(1)).expect("a look").holds_pending);
    assert_eq!(subject.write(|store| store.lift_ended_holds(later(1), 3)).expect("lifting"), 3);
    assert_eq!(subject.write(|store| store.lift_ended_holds(later(1), 3)).expect("lifting"), 2);
    assert!(!subject.store.peek(later(1)).expect("a look").holds_pending);
    assert_eq!(subject.ready().len(), 5);
}

pub fn a_rule_past_its_until_lifts_its_marks(subject: &mut Subject) {
    marked(subject, &HoldRule { until: Some(later(10)), ..rule(Some("shop.send"), None) }, 1..3);
    assert_eq!(subject.store.holds(later(9)).expect("the rules").len(), 1);
    assert!(subject.store.holds(later(10)).expect("the rules").is_empty());
    assert!(subject.store.peek(later(10)).expect("a look").holds_pending);
    assert_eq!(subject.write(|store| store.lift_ended_holds(later(10), 10)).expect("lifting"), 2);
}

pub fn release_matches_the_same_arguments_only(subject: &mut Subject) {
    let narrow =
        HoldRule { where_args: vec![("order_id".into(), json!(42)), ("copy".into(), json!(true))], ..rule(Some("shop.send"), None) };
    subject.write(|store| store.add_hold(&narrow, &by(), NOW)).expect("a rule");
    subject.write(|store| store.add_hold(&rule(Some("shop.send"), None), &by(), NOW)).expect("a rule");
    let kept = subject.store.holds(NOW).expect("the rules");
    assert_eq!(kept.len(), 2);
    assert_eq!((kept[0].reason.as_str(), kept[0].owner.as_deref()), ("price fix", Some("ada")));
    assert!(kept[0].matches("shop.send", || json!({"order_id": 42, "copy": true})));
    let mut release = |where_args: Option<&str>| {
        subject.write(|store| store.release_hold(Some("shop.send"), None, where_args, &by(), later(1))).expect("a release")
    };
    assert_eq!(release(Some("{\"order_id\":43}")), 0);
    assert_eq!(release(Some("{ \"copy\": true, \"order_id\": 42 }")), 1, "whatever the order and the spaces");
    assert_eq!(release(None), 1);
    assert_eq!(release(None), 0);
}

pub fn a_queue_can_be_held(subject: &mut Subject) {
    subject.write(|store| store.add_hold(&rule(None, Some("mail")), &by(), NOW)).expect("a rule");
    assert_eq!(subject.store.holds(NOW).expect("the rules")[0].queue.as_deref(), Some("mail"));
    assert_eq!(subject.write(|store| store.release_hold(None, Some("mail"), None, &by(), later(1))).expect("a release"), 1);
    assert!(subject.holds("workaday_audit", "action = 'pause' AND who = 'ada' AND target = 'queue mail'"));
    assert!(subject.holds("workaday_audit", "action = 'resume' AND target = 'queue mail' AND why = 'because'"));
}

pub fn a_hold_names_one_target(subject: &mut Subject) {
    for wrong in [rule(None, None), rule(Some("shop.send"), Some("mail"))] {
        subject.store.begin(Durability::Full).expect("the write lock");
        let refused = subject.store.add_hold(&wrong, &by(), NOW).expect_err("one target");
        subject.store.rollback();
        assert_eq!(refused.problem().code, "hold.target_unclear");
    }
}

pub fn a_fitting_catalogue_lifts_the_holds_of_its_task(subject: &mut Subject) {
    for (number, code) in [(1, HeldCode::UnknownTask), (2, HeldCode::ArgumentsMisfit), (3, HeldCode::Quarantine)] {
        subject.enqueue(&job(number));
        let key = subject.key_of(number);
        subject.write(|store| store.hold_job(key, code, None)).expect("a mark");
    }
    let codes = [HeldCode::UnknownTask, HeldCode::ArgumentsMisfit];
    assert_eq!(subject.write(|store| store.lift_task_holds("shop.other", &codes, 10)).expect("lifting"), 0);
    assert_eq!(subject.write(|store| store.lift_task_holds("shop.send", &codes, 1)).expect("lifting"), 1);
    assert_eq!(subject.write(|store| store.lift_task_holds("shop.send", &codes, 10)).expect("lifting"), 1);
    assert!(subject.holds("workaday_jobs", "held = 'quarantine'"), "a quarantine is released by hand only");
}

pub fn marks_of_another_rule_stay(subject: &mut Subject) {
    let first = marked(subject, &rule(Some("shop.send"), None), 1..3);
    let second = marked(subject, &rule(Some("shop.send"), None), 3..5);
    (subject.run_sql)(&format!("UPDATE workaday_holds SET released_at = 1 WHERE rule = {second}"));
    assert_eq!(subject.write(|store| store.lift_ended_holds(NOW, 10)).expect("lifting"), 2);
    assert!(subject.holds("workaday_jobs", &format!("held = 'paused' AND held_rule = {first}")));
    assert!(!subject.holds("workaday_jobs", &format!("held_rule = {second}")));
}
