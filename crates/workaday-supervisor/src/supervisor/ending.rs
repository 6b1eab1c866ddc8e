//! The bound of a drain, and what is said of one that takes long.

use super::Supervisor;
use crate::ending::{SAY_AFTER, cut_short, whole};
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::explain::Problem;
use workaday_engine::Moment;
use workaday_engine::settings::ends_within;

/// When an end was asked for. All on the steady clock.
#[derive(Debug, Default)]
pub(super) struct End {
    asked_at: Option<Timestamp>,
    /// Asked again: no grace any more.
    hurried_at: Option<Timestamp>,
    say_at: Option<Timestamp>,
}

impl End {
    pub(super) fn asked(&mut self, now: Timestamp) {
        match self.asked_at {
            None => (self.asked_at, self.say_at) = (Some(now), Some(now + SAY_AFTER)),
            Some(_) => drop(self.hurried_at.get_or_insert(now)),
        }
    }
}

impl Supervisor {
    /// By when an end that was asked for has to be there. Without one: never.
    pub(super) fn ends_by(&self) -> Timestamp {
        let settings = &self.engine.settings;
        let Some(asked_at) = self.end.asked_at else { return Timestamp(i64::MAX) };
        let whole = asked_at + settings.ends_within();
        match self.end.hurried_at {
            Some(at) => whole.min(at + ends_within(Length::default(), settings.kill_after)),
            None => whole,
        }
    }

    /// When there is something to say about the end, or to do.
    pub(super) fn end_at(&self) -> Option<Timestamp> {
        Some(self.ends_by().min(self.end.say_at?))
    }

    /// Says what a drain waits for when it lasts; the error is that it has lasted too long.
    pub(super) fn look_at_end(&mut self, now: Moment) -> Result<(), Problem> {
        let (Some(asked_at), Some(say_at)) = (self.end.asked_at, self.end.say_at) else { return Ok(()) };
        self.close_to_strangers(now);
        let lasts = now.steady - asked_at;
        if now.steady >= self.ends_by() {
            return self.end_now(cut_short(&format!("still waiting for {}", self.left()), lasts));
        }
        if now.steady >= say_at {
            self.end.say_at = Some(asked_at + Length(lasts.0 * 2));
            let left = format_length(whole(self.ends_by() - now.steady));
            tracing::info!("the drain goes on since {}, for {}; it ends within {left}", format_length(whole(lasts)), self.left());
        }
        self.doing.ends_by(self.ends_by());
        Ok(())
    }

    /// Figures that come when no job runs any more are the next supervisor's: their senders keep them. Services send
    /// them each second, so there would always be one more to write.
    fn close_to_strangers(&mut self, now: Moment) {
        if self.engine.crew.children.is_empty()
            && let Some(mut socket) = self.measures.take()
        {
            socket.take_in(&mut self.engine, now);
        }
    }

    fn left(&self) -> String {
        let of_engine = self.engine.left();
        let processes = self.processes.len();
        match (of_engine.is_empty(), processes) {
            (false, _) => of_engine,
            (true, 0) => "its commands".to_owned(),
            (true, _) => format!("{processes} processes that do not end"),
        }
    }
}
