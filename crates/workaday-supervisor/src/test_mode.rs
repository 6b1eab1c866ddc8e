//! The same engine, driven by JSON lines: the pytest plugin plays the child, time moves when the test says so.
//!
//! Requests and answers: docs/protocol.md, "Test mode". One child of each kind is pretended; nothing is signalled.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::JobId;
use workaday_core::measure::Evidence;
use workaday_engine::crew::ChildKind;
use workaday_engine::event::{Ended, Line, Spent};
use workaday_engine::{ChildNo, Command, Death, Engine, Event, JobFrame, Moment, Seeded, Seq, Settings, Turn};
use workaday_store::sqlite::checkpoint::{Checkpoint, Checkpointer};
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, Store, StoreError};

/// Reads requests until the input ends.
pub fn run(input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    let mut stage = None;
    for line in input.lines() {
        let answer = match answer(&mut stage, &line?) {
            Ok(mut value) => {
                value["ok"] = json!(true);
                value
            }
            Err(problem) => json!({"ok": false, "error": problem.to_json()}),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// One opened store with its engine.
struct Stage {
    engine: Engine,
    jobs: HashMap<Seq, (ChildNo, JobId)>,
    waiting: Vec<(ChildNo, JobFrame)>,
    database: String,
}

fn answer(stage: &mut Option<Stage>, line: &str) -> Result<Value, Problem> {
    let request: Value = serde_json::from_str(line).map_err(|error| bad(format!("the request is no JSON: {error}")))?;
    let now = request.get("now").and_then(Value::as_i64).map(Timestamp).unwrap_or_default();
    // In test mode both clocks are the test's.
    let now = Moment { wall: now, steady: now };
    let op = request.get("op").and_then(Value::as_str).unwrap_or_default();
    if op == "open" {
        *stage = None;
        *stage = Some(Stage::open(&request, now)?);
        return Ok(json!({}));
    }
    if op == "close" {
        *stage = None;
        return Ok(json!({}));
    }
    let stage = stage.as_mut().ok_or_else(|| bad(format!("`{op}` before `open`")))?;
    match op {
        "claim" => stage.claim(&request, now),
        "outcome" => stage.outcome(&request, now),
        "log" => stage.log(&request, now),
        "crash" => stage.crash(&request, now),
        "peek" => stage.peek(now),
        "rescue" => stage.rescue(now),
        "checkpoint" => stage.checkpoint(&request),
        other => Err(bad(format!("`{other}` is no request"))),
    }
}

impl Stage {
    fn open(request: &Value, now: Moment) -> Result<Stage, Problem> {
        let path = request.get("database").and_then(Value::as_str).ok_or_else(|| bad("`open` without `database`".into()))?;
        let stated = request.get("catalogue").and_then(Value::as_array).cloned().unwrap_or_default();
        let raw: Vec<String> = stated.iter().map(Value::to_string).collect();
        let catalogue: Result<Vec<TaskEntry>, _> = stated.into_iter().map(serde_json::from_value).collect();
        let catalogue = catalogue.map_err(|error| bad(format!("a catalogue entry cannot be read: {error}")))?;
        let mut store = SqliteStore::open(path, OpenOptions { migrate: true, ..OpenOptions::default() }).map_err(|e| e.problem())?;
        let generation = (|| {
            store.begin(Durability::Lazy)?;
            let generation = store.next_generation()?;
            store.commit().map(|()| generation)
        })()
        .map_err(|error: StoreError| error.problem())?;
        // A test asks for one job at a time: nothing is sent ahead.
        let settings =
            Settings { processes: 1, async_slots: 1, solo_processes: 1, commands: 0, pipeline: Length(0), ..Settings::default() };
        let mut engine = Engine::new(
            Box::new(store), // Jitter is the same each time, so that a test that fails fails again.
            Box::new(Seeded::new(1)),
            settings,
            generation,
            now,
        )
        .map_err(|e| e.problem())?;
        engine.keep_states();
        let mut stage = Stage { engine, jobs: HashMap::new(), waiting: Vec::new(), database: path.into() };
        let hello =
            |child| Event::Ready { child, catalogue: catalogue.clone(), raw: raw.clone(), hash: "test".into(), release: None, pid: 0 };
        for kind in ChildKind::PYTHON {
            let Command::Spawn { child, .. } = stage.engine.crew.spawn(kind, now.steady) else { continue };
            stage.engine.handle(hello(child), now);
        }
        stage.turn(now)?;
        Ok(stage)
    }

    /// Turns until nothing more is to be done at this moment.
    fn turn(&mut self, now: Moment) -> Result<Turn, Problem> {
        let mut total = Turn::default();
        for _ in 0..1_000 {
            let turn = self.engine.turn(now).map_err(|error| error.problem())?;
            let quiet = turn.commands.iter().all(|c| matches!(c, Command::Drain { .. })) && self.engine.next_at(now) > now.steady;
            self.carry_out(turn.commands, now);
            total.settled.states.extend(turn.settled.states);
            total.settled.stale.extend(turn.settled.stale);
            if quiet {
                return Ok(total);
            }
        }
        Err(bad("the engine does not come to rest".into()))
    }

    fn carry_out(&mut self, commands: Vec<Command>, now: Moment) {
        for command in commands {
            match command {
                Command::Job { child, job } => {
                    self.jobs.insert(job.seq, (child, job.id));
                    self.waiting.push((child, job));
                }
                // A pretended child is ready at once, and never needs replacing.
                Command::Spawn { child, .. } => {
                    let death = Death { cause: json!({"kind": "test"}), words: "not needed".into() };
                    self.engine.handle(Event::ChildEnded { child, death, begun: None, written: None }, now);
                }
                // Neither a timeout nor a long pause ends a pretended child.
                Command::Drain { child } | Command::Term { child } | Command::Kill { child } => {
                    if let Some(child) = self.engine.crew.children.get_mut(&child) {
                        child.state = workaday_engine::crew::ChildState::Ready;
                    }
                }
                // Commands are no part of the test mode: none is claimed.
                Command::Recall { .. } | Command::Stop { .. } | Command::Run { .. } => {}
            }
        }
    }

    fn claim(&mut self, request: &Value, now: Moment) -> Result<Value, Problem> {
        let limit = request.get("limit").and_then(Value::as_u64).unwrap_or(1) as usize;
        self.engine.wake();
        self.turn(now)?;
        let count = limit.min(self.waiting.len());
        let jobs: Vec<Value> = self.waiting.drain(..count).map(|(_, job)| shown(&job)).collect();
        Ok(json!({"jobs": jobs}))
    }

    fn outcome(&mut self, request: &Value, now: Moment) -> Result<Value, Problem> {
        let seq = Seq(request.get("seq").and_then(Value::as_u64).unwrap_or_default());
        let (child, id) = self.jobs.remove(&seq).ok_or_else(|| bad(format!("no job {} is running", seq.0)))?;
        let ended = ended(request)?;
        let ran_us = request.get("ran_us").and_then(Value::as_i64).unwrap_or(0);
        let spent = Spent { started_at: Some(now.wall - Length(ran_us)), ran_us, ..Spent::default() };
        if let Some(evidence) = request.get("evidence").and_then(|told| Evidence::read(&told.to_string())) {
            self.engine.handle(Event::Evidence { child, seq, evidence: Box::new(evidence) }, now);
        }
        self.engine.handle(Event::Outcome { child, seq, ended, spent }, now);
        let turn = self.turn(now)?;
        let state = turn.settled.states.iter().find(|(settled, _)| *settled == id).map(|(_, state)| state.as_str());
        Ok(json!({"state": state, "stale": turn.settled.stale.contains(&id)}))
    }

    fn log(&mut self, request: &Value, now: Moment) -> Result<Value, Problem> {
        let seq = Seq(request.get("seq").and_then(Value::as_u64).unwrap_or_default());
        let Some((child, _)) = self.jobs.get(&seq).copied() else { return Ok(json!({})) };
        for line in request.get("lines").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
            let stream = match line.get("stream").and_then(Value::as_str) {
                Some("stderr") => "stderr",
                Some("log") => "log",
                Some("raw") => "raw",
                _ => "stdout",
            };
            let line = Line { stream, level: text("level"), logger: text("logger"), text: text("text").unwrap_or_default(), at: now.wall };
            self.engine.handle(Event::Log { child, seq: Some(seq), line }, now);
        }
        Ok(json!({}))
    }

    fn crash(&mut self, request: &Value, now: Moment) -> Result<Value, Problem> {
        let seqs: Vec<Seq> =
            request.get("seqs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_u64).map(Seq).collect();
        let death = Death { cause: json!({"kind": "simulated"}), words: "died in a simulated crash".into() };
        let mut states = Vec::new();
        for seq in seqs {
            let (child, _) = self.jobs.remove(&seq).ok_or_else(|| bad(format!("no job {} is running", seq.0)))?;
            let Some(gone) = self.engine.child(child).map(|c| c.kind) else { continue };
            self.engine.handle(Event::ChildEnded { child, death: death.clone(), begun: Some(seq), written: Some(seq) }, now);
            if let Command::Spawn { child, .. } = self.engine.crew.spawn(gone, now.steady) {
                let again = Event::Ready { child, catalogue: Vec::new(), raw: Vec::new(), hash: "test".into(), release: None, pid: 0 };
                self.engine.handle(again, now);
            }
            states.extend(self.turn(now)?.settled.states);
        }
        Ok(json!({"states": states.iter().map(|(id, state)| json!([id.to_string(), state.as_str()])).collect::<Vec<_>>()}))
    }

    /// Gives back what an engine before this one left running, as `up` does at its start.
    fn rescue(&mut self, now: Moment) -> Result<Value, Problem> {
        let report = self.engine.rescue(now).map_err(|error| error.problem())?;
        Ok(json!({"rescued": report.rescued, "quarantined": report.quarantined}))
    }

    /// One checkpoint on a connection of its own, as the supervisor's thread makes them.
    fn checkpoint(&mut self, request: &Value) -> Result<Value, Problem> {
        let kind = if request.get("truncate").and_then(Value::as_bool) == Some(true) { Checkpoint::Truncate } else { Checkpoint::Passive };
        let report = Checkpointer::open(&self.database).and_then(|it| it.run(kind)).map_err(|error| error.problem())?;
        Ok(json!({"blocked": report.blocked, "frames": report.frames, "moved": report.moved}))
    }

    fn peek(&mut self, now: Moment) -> Result<Value, Problem> {
        let peek = self.engine.store().peek(now.wall).map_err(|error| error.problem())?;
        Ok(json!({"next_due_at": peek.next_due_at.map(|at| at.0), "ready": peek.ready.len() + self.waiting.len()}))
    }
}

fn shown(job: &JobFrame) -> Value {
    let args: Value = serde_json::from_str(&job.args).unwrap_or(Value::Null);
    json!({"seq": job.seq.0, "id": job.id.to_string(), "task": job.task, "args": args, "attempt": job.attempt,
           "fence": job.fence, "timeout_us": job.timeout_us, "run_at": job.run_at.0, "meta": job.meta()})
}

fn ended(request: &Value) -> Result<Ended, Problem> {
    let error = || request.get("error").filter(|e| !e.is_null()).map(Value::to_string);
    Ok(match request.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "completed" => Ended::Completed {
            result: request.get("result").map(Value::to_string),
            mark: request.get("mark").and_then(Value::as_str).filter(|m| !m.is_empty()).map(str::to_owned),
        },
        "failed" => {
            Ended::Failed { error: error().unwrap_or_default(), retry: request.get("retry").and_then(Value::as_bool).unwrap_or(true) }
        }
        "timed_out" => Ended::TimedOut { error: error() },
        "over_memory" => Ended::OverMemory { error: error() },
        "snoozed" => Ended::Snoozed { until: Timestamp(request.get("until_us").and_then(Value::as_i64).unwrap_or_default()) },
        "cancelled" => Ended::Cancelled { error: error() },
        "discarded" => Ended::Discarded { error: error() },
        "given_back" => Ended::GivenBack,
        "misfit" => Ended::Misfit { error: error().unwrap_or_default() },
        "unknown_task" => Ended::UnknownTask,
        other => return Err(bad(format!("`{other}` is no outcome"))),
    })
}

fn bad(message: String) -> Problem {
    Problem::new("test_mode.bad_request", message)
        .expected("a request as docs/protocol.md, Test mode, lists them")
        .retry(RetryAdvice::SafeAfterFix, "safe after the request is fixed; nothing was done")
}
