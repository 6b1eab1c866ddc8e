//! What happens in one step: time goes on, or somebody does something, or something breaks.

use super::faults::Fault;
use super::history::{Answer, What};
use super::life::Life;
use super::release::{self, NEVER, QUEUES, TASKS};
use serde_json::json;
use workaday_core::clock::Length;
use workaday_core::hold::HoldRule;
use workaday_core::job::{JobId, Lane};
use workaday_core::unique::{HeldWhile, Unique};
use workaday_engine::{schedule_hand, schedules};
use workaday_store::{ByHand, Enqueued, NewJob, Store, StoreError};

const SCHEDULES: [&str; 6] = ["s.every", "s.queue", "s.cancel", "s.cron", "s.wave", "c.wave"];

fn by() -> ByHand {
    ByHand { who: "simulation".into(), why: None }
}

/// One step of a life.
pub(super) fn step(life: &mut Life) {
    match life.chance.u32(0..1_000) {
        0..120 => enqueue(life),
        120..135 => again(life),
        135..160 if life.does(0) => cancel(life),
        160..180 if life.does(1) => retry(life),
        180..190 if life.does(2) => delete(life),
        190..200 => release_any(life),
        200..215 if life.does(3) => pause(life),
        215..235 => resume_any(life),
        235..245 if life.does(4) => pause_schedule(life),
        245..255 => resume_schedule(life),
        255..262 if life.does(5) => skip_ticks(life),
        262..280 if life.does(6) => kill_supervisor(life),
        280..288 if life.does(7) => cut_power(life),
        288..310 if life.does(8) => kill_child(life),
        310..322 if life.does(9) => freeze(life),
        322..334 if life.does(10) => deploy(life),
        334..344 if life.does(11) => jump(life),
        344..352 if life.does(12) => suspend(life),
        352..360 if life.does(13) => drain(life),
        360..366 if life.does(14) => reconfigure(life),
        366..420 if life.does(15) => arm(life),
        420..424 if life.does(16) => second_supervisor(life),
        _ => return life.live(),
    }
    life.run();
}

fn count(life: &Life, fault: &'static str) {
    life.room.borrow_mut().count(fault);
}

// -- clients ---------------------------------------------------------------------------------------------------------

fn enqueue(life: &mut Life) {
    for _ in 0..life.chance.u32(1..4) {
        let job = draw_job(life);
        life.jobs.push(job.clone());
        send(life, &job);
    }
}

fn draw_job(life: &mut Life) -> NewJob {
    let (wall, number) = (life.wall(), life.chance.i64(0..6));
    let chance = &mut life.chance;
    let task = if chance.u32(0..40) == 0 { NEVER } else { TASKS[chance.usize(0..TASKS.len())] };
    let run_at = if chance.u32(0..4) == 0 { wall + Length(chance.i64(1..30_000_000)) } else { wall };
    let lane = match task {
        "t.async" => Lane::Async,
        "t.once" | "t.heavy" => Lane::Solo,
        "t.cmd" => Lane::Command,
        _ => Lane::Sync,
    };
    let held = if chance.bool() { HeldWhile::Unfinished } else { HeldWhile::Waiting };
    let unique = (chance.u32(0..5) == 0).then(|| Unique::keyed(task, &format!("k{}", chance.u32(0..3)), held)).flatten();
    NewJob {
        id: JobId(uuid::Uuid::from_u128((0x0190_u128 << 112) | (7 << 76) | (2 << 62) | u128::from(chance.u64(..) >> 4))),
        task: task.into(),
        queue: QUEUES[chance.usize(0..QUEUES.len())].into(),
        priority: chance.i32(-1..2),
        lane,
        run_at,
        args: format!("{{\"number\":{number}}}"),
        expires_at: (chance.u32(0..8) == 0).then(|| run_at + Length(chance.i64(1_000..20_000_000))),
        unique,
        tags: None,
        rerun_of: None,
        enqueued_release: None,
    }
}

/// Sends it, and hears the answer, or not. A reply that was lost is repaired by the same id, by some.
fn send(life: &mut Life, job: &NewJob) {
    for _ in 0..3 {
        let (answer, again) = match life.client(|store, now| store.enqueue(job, now)) {
            Ok(Enqueued::Stored) => (Answer::Stored, false),
            Ok(Enqueued::Known) => (Answer::Known, false),
            Ok(Enqueued::Held { .. }) => (Answer::Held, false),
            Err(Some(StoreError::OutcomeUnknown { .. })) => (Answer::Unknown, true),
            Err(Some(_)) => (Answer::Refused, true),
            Err(None) => (Answer::Unknown, false),
        };
        life.note(What::Answered { id: job.id, answer });
        if !again || life.chance.bool() {
            break;
        }
    }
    if let Some(supervisor) = life.supervisors.first_mut().filter(|_| job.priority >= 0) {
        supervisor.engine.wake();
    }
}

fn draw_known(life: &mut Life) -> Option<NewJob> {
    (!life.jobs.is_empty()).then(|| life.jobs[life.chance.usize(0..life.jobs.len())].clone())
}

/// The same id once more.
fn again(life: &mut Life) {
    if let Some(job) = draw_known(life) {
        send(life, &job);
    }
}

fn cancel(life: &mut Life) {
    if let Some(job) = draw_known(life) {
        drop(life.client(|store, now| store.cancel(job.id, &by(), now)));
        life.supervisors.iter_mut().for_each(|supervisor| supervisor.engine.wake());
    }
}

fn retry(life: &mut Life) {
    if let Some(job) = draw_known(life) {
        let attempts = release::attempts(&job.task, life.release);
        drop(life.client(|store, now| store.retry(job.id, attempts, &by(), now)));
    }
}

fn delete(life: &mut Life) {
    let Some(job) = draw_known(life) else { return };
    drop(life.client(|store, now| store.delete(job.id, &by(), now)));
    life.jobs.retain(|known| known.id != job.id);
}

fn release_any(life: &mut Life) {
    if let Some(job) = draw_known(life) {
        release(life, job.id);
    }
}

pub(super) fn release(life: &mut Life, id: JobId) {
    drop(life.client(|store, now| store.release_job(id, &by(), now)));
}

fn pause(life: &mut Life) {
    let chance = &mut life.chance;
    let on_queue = chance.u32(0..3) == 0;
    let task = (!on_queue).then(|| TASKS[chance.usize(0..TASKS.len())].to_owned());
    let queue = on_queue.then(|| QUEUES[chance.usize(0..QUEUES.len())].to_owned());
    let number = (!on_queue && chance.bool()).then(|| chance.i64(0..6));
    let lasts = (chance.u32(0..3) == 0).then(|| Length(chance.i64(1_000_000..60_000_000)));
    let paused = life.client(|store, now| {
        let rule = HoldRule {
            rule: 0,
            task: task.clone(),
            queue: queue.clone(),
            where_args: number.map(|number| ("number".to_owned(), json!(number))).into_iter().collect(),
            reason: "simulated".into(),
            owner: None,
            until: lasts.map(|length| now + length),
        };
        store.add_hold(&rule, &by(), now)
    });
    // Whoever did not hear the answer resumes all the same, later.
    drop(paused);
    life.pauses.push((task, queue, number));
}

fn resume_any(life: &mut Life) {
    if !life.pauses.is_empty() {
        let (task, queue, number) = life.pauses.swap_remove(life.chance.usize(0..life.pauses.len()));
        if resume(life, task.clone(), queue.clone(), number) {
            return;
        }
        life.pauses.push((task, queue, number));
    }
}

pub(super) fn resume(life: &mut Life, task: Option<String>, queue: Option<String>, number: Option<i64>) -> bool {
    let where_args = number.map(|number| json!({"number": number}).to_string());
    life.client(|store, now| store.release_hold(task.as_deref(), queue.as_deref(), where_args.as_deref(), &by(), now)).is_ok()
}

// -- schedules by hand -----------------------------------------------------------------------------------------------

fn draw_schedule(life: &mut Life) -> &'static str {
    SCHEDULES[life.chance.usize(0..SCHEDULES.len())]
}

fn pause_schedule(life: &mut Life) {
    let name = draw_schedule(life);
    let lasts = life.chance.bool().then(|| Length(life.chance.i64(1_000_000..120_000_000)));
    drop(life.client(|store, now| match store.schedule(name)? {
        Some(_) => store.pause_schedule(name, lasts.map(|length| now + length), &by(), now),
        None => Ok(()),
    }));
}

fn resume_schedule(life: &mut Life) {
    let name = draw_schedule(life);
    drop(life.client(|store, now| match schedule_hand::find(store, name, Some("UTC")) {
        Ok(known) if known.row.paused_at.is_some() && known.row.state == workaday_core::schedule::ScheduleState::Active => {
            schedule_hand::resume(store, &known, &by(), now).map(drop)
        }
        Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }));
}

fn skip_ticks(life: &mut Life) {
    let (name, count) = (draw_schedule(life), life.chance.usize(1..4));
    drop(life.client(|store, now| match schedule_hand::find(store, name, Some("UTC")) {
        Ok(known) if schedules::next_at(&known.plan, &known.row).is_some() => {
            schedule_hand::skip(store, &known, count, &by(), now).map(drop)
        }
        Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }));
}

// -- what breaks -----------------------------------------------------------------------------------------------------

fn draw_supervisor(life: &mut Life) -> Option<usize> {
    (!life.supervisors.is_empty()).then(|| life.chance.usize(0..life.supervisors.len()))
}

fn kill_supervisor(life: &mut Life) {
    if let Some(place) = draw_supervisor(life) {
        count(life, "kill_supervisor");
        life.kill(place);
    }
}

/// All processes end, and with a store that can play it, all that was not synced.
fn cut_power(life: &mut Life) {
    while !life.supervisors.is_empty() {
        life.kill(0);
    }
    if life.ground.cut_power() {
        count(life, "power_cut");
        let undone = std::mem::take(&mut life.room.borrow_mut().unsynced);
        life.note(What::PowerLost { undone });
    }
}

fn kill_child(life: &mut Life) {
    if let Some(place) = draw_supervisor(life) {
        count(life, "kill_child");
        let boot = life.boot();
        life.supervisors[place].kids.kill_one(&mut life.chance, boot);
    }
}

/// SIGSTOP: its children go on, it hears of them when it comes back.
fn freeze(life: &mut Life) {
    if let Some(place) = draw_supervisor(life) {
        count(life, "stopped_supervisor");
        life.supervisors[place].frozen_until = Some(life.boot() + life.chance.i64(10_000..20_000_000));
    }
}

/// Another one begins while the first is stopped or alive: the first is a zombie from here on.
fn second_supervisor(life: &mut Life) {
    if life.supervisors.len() != 1 {
        return;
    }
    count(life, "second_supervisor");
    let generation = life.supervisors[0].generation;
    life.note(What::Zombie { generation });
    if life.chance.bool() {
        life.supervisors[0].frozen_until = Some(life.boot() + life.chance.i64(10_000..20_000_000));
    }
    life.start();
}

fn deploy(life: &mut Life) {
    count(life, "deploy");
    life.release += 1;
    // Half of them restart; with the others a child that is replaced imports the new code, and releases mix.
    let release = life.release;
    life.supervisors.iter_mut().for_each(|supervisor| supervisor.kids.release = release);
    if life.chance.bool() {
        drain(life);
    }
}

/// The wall clock is stepped, back or forth.
fn jump(life: &mut Life) {
    count(life, "clock_jump");
    let far = if life.chance.u32(0..6) == 0 { 259_200_000_000 } else { 900_000_000 };
    let step = life.chance.i64(-far..far);
    life.note(What::ClockStepped);
    life.room.borrow_mut().wall += step;
}

/// The machine sleeps: both clocks go on and nothing else does.
fn suspend(life: &mut Life) {
    count(life, "suspend");
    let length = life.chance.i64(1_000_000..600_000_000);
    life.pass(length);
}

fn drain(life: &mut Life) {
    if let Some(place) = draw_supervisor(life) {
        count(life, "drain");
        let now = life.now();
        life.supervisors[place].engine.stop(now);
    }
}

fn reconfigure(life: &mut Life) {
    count(life, "reconfigure");
    life.settings.processes = life.chance.usize(1..4);
    let settings = life.settings.clone();
    life.supervisors.iter_mut().for_each(|supervisor| supervisor.engine.reconfigure(settings.clone()));
}

/// Something will go wrong in the store, soon.
fn arm(life: &mut Life) {
    if let Some(place) = draw_supervisor(life) {
        life.supervisors[place].armed.set(Some(Fault::draw(&mut life.chance)));
    }
}
