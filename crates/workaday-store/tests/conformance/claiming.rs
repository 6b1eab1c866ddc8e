//! Enqueue, look, claim.

use super::{GENERATION, NOW, Subject, USUAL, id, job, later};
use workaday_core::job::{Fence, Lane, State};
use workaday_core::lifecycle::Outcome;
use workaday_core::unique::{HeldWhile, Unique};
use workaday_store::{Durability, Enqueued, NewJob, Peek};

pub fn an_enqueued_job_is_ready_and_a_later_one_is_not(subject: &mut Subject) {
    subject.enqueue(&job(1));
    subject.enqueue(&NewJob { run_at: later(60), ..job(2) });
    let found = subject.store.claimable(Lane::Sync, "default", NOW, 10).expect("the candidates");
    assert_eq!(found.len(), 1);
    let first = &found[0];
    assert_eq!((first.id, first.task.as_str(), first.args.as_str()), (id(1), "shop.send", "{\"number\":1}"));
    assert_eq!((first.attempt, first.attempt_extra, first.fence, first.run_at), (0, 0, Fence(0), NOW));
}

pub fn the_same_id_again_makes_no_second_job(subject: &mut Subject) {
    subject.enqueue(&job(1));
    let again = subject.write(|store| store.enqueue(&NewJob { task: "shop.other".into(), ..job(1) }, later(1))).expect("an enqueue");
    assert_eq!(again, Enqueued::Known);
    assert_eq!(subject.ready().len(), 1);
}

pub fn the_same_id_again_makes_no_second_job_when_it_is_finished(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    let again = subject.write(|store| store.enqueue(&job(1), later(1))).expect("an enqueue");
    assert_eq!(again, Enqueued::Known);
    assert!(subject.ready().is_empty());
}

pub fn jobs_are_claimed_by_priority_then_time_then_age(subject: &mut Subject) {
    for (number, priority, run_at) in [(1, 0, NOW), (2, 0, later(-5)), (3, 10, NOW), (4, -10, later(-9)), (5, 0, NOW)] {
        subject.enqueue(&NewJob { priority, run_at, ..job(number) });
    }
    let order: Vec<_> = subject.store.claimable(Lane::Sync, "default", NOW, 10).expect("the candidates").iter().map(|job| job.id).collect();
    assert_eq!(order, [id(3), id(2), id(1), id(5), id(4)]);
    assert_eq!(subject.store.claimable(Lane::Sync, "default", NOW, 2).expect("the candidates").len(), 2, "the limit holds");
}

pub fn a_claim_spends_an_attempt_and_raises_the_fence(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    assert_eq!(fence, Fence(1));
    let row = subject.store.running(key, fence).expect("a look").expect("it runs");
    assert_eq!((row.counts.attempt, row.generation, row.claimed_at, row.cancel_requested), (1, GENERATION, NOW, false));
    // Given back: the attempt is returned, the fence never is.
    subject.settle(key, fence, Outcome::GivenBack { frame_written: false }, &USUAL).expect("it was running");
    assert_eq!(subject.claim(key), Some(Fence(2)));
    assert_eq!(subject.store.running(key, Fence(2)).expect("a look").expect("it runs").counts.attempt, 1);
}

pub fn a_claimed_job_cannot_be_claimed_again(subject: &mut Subject) {
    let (key, _) = subject.running(1);
    assert_eq!(subject.claim(key), None);
    assert!(subject.ready().is_empty());
    // Nor twice in one transaction, with its candidate read before.
    subject.enqueue(&job(2));
    let twice = subject.write(|store| {
        let key = store.claimable(Lane::Sync, "default", NOW, 10).expect("the candidates")[0].key;
        let first = store.claim(key, GENERATION, None, NOW).expect("a claim");
        (first, store.claim(key, GENERATION, None, NOW).expect("a claim"))
    });
    assert_eq!(twice, (Some(Fence(1)), None));
}

pub fn a_job_is_claimed_by_its_lane_and_queue_only(subject: &mut Subject) {
    subject.enqueue(&NewJob { lane: Lane::Async, queue: "mail".into(), ..job(1) });
    assert!(subject.ready().is_empty());
    assert!(subject.store.claimable(Lane::Async, "default", NOW, 10).expect("the candidates").is_empty());
    assert_eq!(subject.store.claimable(Lane::Async, "mail", NOW, 10).expect("the candidates").len(), 1);
}

pub fn a_corrected_lane_moves_the_job(subject: &mut Subject) {
    subject.enqueue(&job(1));
    let key = subject.key_of(1);
    subject.write(|store| store.set_lane(key, Lane::Solo)).expect("a new lane");
    assert!(subject.ready().is_empty());
    assert_eq!(subject.store.claimable(Lane::Solo, "default", NOW, 10).expect("the candidates")[0].key, key);
}

pub fn a_rolled_back_claim_never_was(subject: &mut Subject) {
    subject.enqueue(&job(1));
    subject.store.begin(Durability::Full).expect("the write lock");
    let key = subject.store.claimable(Lane::Sync, "default", NOW, 1).expect("the candidates")[0].key;
    assert_eq!(subject.store.claim(key, GENERATION, None, NOW).expect("a claim"), Some(Fence(1)));
    subject.store.rollback();
    assert_eq!(subject.store.running(key, Fence(1)).expect("a look"), None);
    assert_eq!(subject.claim(key), Some(Fence(1)));
}

pub fn peek_sees_every_pair_once_whatever_waits(subject: &mut Subject) {
    assert_eq!(subject.store.peek(NOW).expect("a look"), Peek::default());
    for number in 0..30 {
        let queue = ["default", "mail", "reports"][number as usize % 3].to_owned();
        let lane = if number % 2 == 0 { Lane::Sync } else { Lane::Async };
        subject.enqueue(&NewJob { queue, lane, ..job(number) });
    }
    subject.enqueue(&NewJob { queue: "later".into(), run_at: later(1), ..job(99) });
    let mut ready = subject.store.peek(NOW).expect("a look").ready;
    ready.sort();
    let pairs = [Lane::Sync, Lane::Async].map(|lane| ["default", "mail", "reports"].map(|queue| (lane, queue.to_owned())));
    assert_eq!(ready, pairs.concat());
}

pub fn peek_says_what_is_next(subject: &mut Subject) {
    subject.enqueue(&NewJob { run_at: later(60), ..job(1) });
    subject.enqueue(&NewJob { run_at: later(30), expires_at: Some(later(90)), ..job(2) });
    let (key, fence) = subject.running(3);
    let peek = subject.store.peek(NOW).expect("a look");
    assert_eq!((peek.next_due_at, peek.next_expiry_at, peek.cancelling), (Some(later(30)), Some(later(90)), false));
    subject.write(|store| store.cancel(id(3), &super::by(), NOW)).expect("a cancel");
    assert!(subject.store.peek(NOW).expect("a look").cancelling);
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    assert!(!subject.store.peek(NOW).expect("a look").cancelling);
}

fn unique(chosen: &str, held: HeldWhile) -> Option<Unique> {
    Unique::keyed("shop.send", chosen, held)
}

pub fn a_unique_key_is_held_by_one_unfinished_job(subject: &mut Subject) {
    let with_key = |number| NewJob { unique: unique("k", HeldWhile::Unfinished), ..job(number) };
    subject.enqueue(&with_key(1));
    let enqueue = |subject: &mut Subject, number| subject.write(|store| store.enqueue(&with_key(number), NOW)).expect("an enqueue");
    assert_eq!(enqueue(subject, 2), Enqueued::Held { by: id(1), state: State::Available });
    assert_eq!(enqueue(subject, 1), Enqueued::Known, "the same call again finds itself");
    subject.enqueue(&NewJob { unique: unique("other", HeldWhile::Unfinished), ..job(3) });
    let key = subject.key_of(1);
    let fence = subject.claim(key).expect("it was ready");
    assert_eq!(enqueue(subject, 2), Enqueued::Held { by: id(1), state: State::Running });
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    assert_eq!(enqueue(subject, 2), Enqueued::Stored);
    assert_eq!(enqueue(subject, 1), Enqueued::Known, "also when it has finished and another holds the key");
}

pub fn a_waiting_unique_key_is_given_up_at_the_claim(subject: &mut Subject) {
    for (number, held) in [(1, HeldWhile::Waiting), (2, HeldWhile::Unfinished)] {
        subject.enqueue(&NewJob { unique: unique(&format!("k{number}"), held), ..job(number) });
        let key = subject.key_of(number);
        subject.claim(key).expect("it was ready");
    }
    assert!(subject.holds("workaday_jobs", "unique_key = 'shop.send key=k1' AND unique_held = 0"), "given up while it runs");
    assert!(subject.holds("workaday_jobs", "unique_key = 'shop.send key=k2' AND unique_held = 1"), "kept until it is finished");
}
