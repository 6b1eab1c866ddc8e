//! Small pieces of markup that every page shares: a time, a state. What they hold is escaped here.

use crate::escape::escaped;
use crate::words;
use jiff::tz::TimeZone;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{AttemptOutcome, HeldCode, State};

/// Says instants and lengths: knows what time it is, and in which zone the reader thinks.
#[derive(Clone, Debug)]
pub struct Teller {
    pub now: Timestamp,
    pub zone: TimeZone,
    pub zone_name: String,
}

impl Teller {
    /// An unknown zone is UTC; the name that is shown is the one that is used.
    pub fn new(now: Timestamp, zone: &str) -> Self {
        match TimeZone::get(zone) {
            Ok(found) => Self { now, zone: found, zone_name: zone.to_owned() },
            Err(_) => Self { now, zone: TimeZone::UTC, zone_name: "UTC".to_owned() },
        }
    }

    /// `3 min ago`, with the exact instant on hover.
    pub fn ago(&self, at: Timestamp) -> String {
        self.time(at, &words::ago(self.now, at))
    }

    pub fn ago_or(&self, at: Option<Timestamp>, other: &str) -> String {
        at.map_or_else(|| escaped(other), |at| self.ago(at))
    }

    /// `09:01:02`.
    pub fn clock(&self, at: Timestamp) -> String {
        self.time(at, &self.text(at, "%H:%M:%S"))
    }

    /// `09:01` of today, `tomorrow 03:15`, `Mon 23 Nov 03:15` of another day.
    pub fn moment(&self, at: Timestamp) -> String {
        self.time(at, &self.moment_text(at))
    }

    pub fn moment_text(&self, at: Timestamp) -> String {
        let clock = self.text(at, "%H:%M");
        let day = |at| self.text(at, "%F");
        let near = [(self.now, ""), (self.now + Length::days(1), "tomorrow "), (self.now - Length::days(1), "yesterday ")];
        match near.into_iter().find(|(other, _)| day(*other) == day(at)) {
            Some((_, word)) => format!("{word}{clock}"),
            None => format!("{} {clock}", self.text(at, "%a %-d %b")),
        }
    }

    /// The day, where a clock stands beside it: nothing of today, `yesterday`, `Mon 23 Nov`.
    pub fn day_text(&self, at: Timestamp) -> String {
        let moment = self.moment_text(at);
        moment.rsplit_once(' ').map_or_else(String::new, |(day, _)| day.to_owned())
    }

    /// In full, in plain text: `Sun 22 Nov 2026, 09:01:02`.
    pub fn exact(&self, at: Timestamp) -> String {
        self.text(at, "%a %-d %b %Y, %H:%M:%S")
    }

    pub fn span(&self, us: i64) -> String {
        words::length(Length(us))
    }

    pub fn span_or(&self, us: Option<i64>) -> String {
        us.map_or_else(|| "–".to_owned(), |us| self.span(us))
    }

    /// Sentences of the command line as pages write them: instants on the reader's clock, `11h21m` as `11 h 21 min`. What
    /// stands between backticks is to be typed, and is left as it is.
    pub fn readable(&self, sentence: &str) -> String {
        let word = |word: &str| {
            let is_edge = |c: char| matches!(c, '(' | ')' | '.' | ',' | ';' | ':');
            let bare = word.trim_matches(is_edge);
            let said = self.instant_in(bare).or_else(|| words::spaced(bare));
            said.map_or_else(|| word.to_owned(), |said| word.replacen(bare, &said, 1))
        };
        let part = |(number, part): (usize, &str)| {
            if number % 2 == 1 { part.to_owned() } else { part.split(' ').map(word).collect::<Vec<_>>().join(" ") }
        };
        sentence.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
    }

    fn instant_in(&self, word: &str) -> Option<String> {
        let at = word.parse::<jiff::Timestamp>().ok().filter(|_| word.starts_with("20"))?;
        Some(self.moment_text(Timestamp(at.as_microsecond())))
    }

    pub fn text(&self, at: Timestamp, format: &str) -> String {
        jiff::Timestamp::from_microsecond(at.0)
            .map_or_else(|_| "?".to_owned(), |at| at.to_zoned(self.zone.clone()).strftime(format).to_string())
    }

    fn time(&self, at: Timestamp, shown: &str) -> String {
        format!("<time datetime=\"{at}\" title=\"{}\">{}</time>", escaped(&self.exact(at)), escaped(shown))
    }
}

/// Our own sentences with their `code` marked as such. Escaped first: nothing in them becomes other markup.
pub fn prose(text: &str) -> String {
    let safe = escaped(text);
    let parts: Vec<&str> = safe.split('`').collect();
    // A lone backtick is a letter.
    let pairs = (parts.len() - 1) / 2 * 2;
    parts.iter().enumerate().fold(String::with_capacity(safe.len() + 16), |mut html, (number, part)| {
        if number > 0 {
            html.push_str(match (number <= pairs, number % 2 == 1) {
                (false, _) => "`",
                (true, true) => "<code>",
                (true, false) => "</code>",
            });
        }
        html.push_str(part);
        html
    })
}

/// Symbol and word of a state; the colour is the class.
pub fn state(state: State, held: Option<HeldCode>) -> String {
    let (class, symbol, word) = match (held, state) {
        (Some(_), _) => ("held", "‖", "held"),
        (None, State::Retryable) => ("retryable", "↻", "retrying"),
        (None, state) => (state.as_str(), symbol(state), state.as_str()),
    };
    let why = held.map_or_else(String::new, |code| format!(" <span class=soft>{}</span>", held_word(code)));
    format!("<span class=\"state {class}\"><i aria-hidden=true>{symbol}</i> {word}</span>{why}")
}

pub const fn symbol(state: State) -> &'static str {
    match state {
        State::Pending => "…",
        State::Scheduled => "◷",
        State::Available => "○",
        State::Running => "▶",
        State::Retryable => "↻",
        State::Completed => "✓",
        State::Cancelled => "⊘",
        State::Discarded => "✕",
    }
}

pub const fn held_word(code: HeldCode) -> &'static str {
    match code {
        HeldCode::Paused => "paused",
        HeldCode::Quarantine => "in quarantine",
        HeldCode::UnknownTask => "task unknown",
        HeldCode::ArgumentsMisfit => "arguments misfit",
        HeldCode::Unreadable => "unreadable",
    }
}

/// How an attempt ended, in the same form.
pub fn outcome(outcome: AttemptOutcome) -> String {
    use AttemptOutcome as O;
    let (class, symbol, word) = match outcome {
        O::Completed => ("completed", "✓", "completed"),
        O::Failed => ("discarded", "✕", "failed"),
        O::TimedOut => ("discarded", "✕", "out of time"),
        O::OverMemory => ("discarded", "✕", "over its memory"),
        O::Crashed => ("discarded", "✕", "its process died"),
        O::Suspect => ("retryable", "↻", "its process died, with others inside"),
        O::Rescued => ("retryable", "↻", "given back: its supervisor died"),
        O::Snoozed => ("scheduled", "◷", "postponed itself"),
        O::Cancelled => ("cancelled", "⊘", "cancelled"),
        O::Discarded => ("discarded", "✕", "gave up"),
        O::GivenBack => ("retryable", "↻", "given back unfinished"),
        O::OutcomeUnknown => ("discarded", "✕", "outcome unknown"),
    };
    format!("<span class=\"state {class}\"><i aria-hidden=true>{symbol}</i> {word}</span>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_says_what_it_is_in_the_readers_zone() {
        let teller = Teller::new(Timestamp(1_795_000_000_000_000), "Europe/Berlin");
        let at = teller.now - Length::minutes(3);
        assert_eq!(teller.ago(at), "<time datetime=\"2026-11-18T11:03:40Z\" title=\"Wed 18 Nov 2026, 12:03:40\">3 min ago</time>");
        assert_eq!(teller.moment_text(teller.now + Length::days(1)), "tomorrow 12:06");
        assert_eq!(teller.moment_text(teller.now - Length::days(9)), "Mon 9 Nov 12:06");
        assert_eq!(teller.day_text(teller.now), "");
        assert_eq!(teller.day_text(teller.now - Length::days(9)), "Mon 9 Nov");
        assert_eq!(Teller::new(teller.now, "Nowhere/At all").zone_name, "UTC");
    }

    #[test]
    fn code_in_a_sentence_is_marked_and_nothing_else_becomes_markup() {
        assert_eq!(prose("start `workaday up` <now>"), "start <code>workaday up</code> &lt;now&gt;");
        assert_eq!(prose("`a` and ` alone"), "<code>a</code> and ` alone");
        assert_eq!(prose("one ` letter"), "one ` letter");
    }

    #[test]
    fn an_instant_in_a_sentence_is_said_in_the_readers_zone() {
        let teller = Teller::new(Timestamp(1_795_000_000_000_000), "Europe/Berlin");
        assert_eq!(
            teller.readable("Discarded 3m ago (2026-11-18T11:03:40.603906Z): all used up."),
            "Discarded 3 min ago (12:03): all used up."
        );
        assert_eq!(
            teller.readable("It runs since 2026-11-18T11:03:40.6Z. It is stopped after 1h30m: `--timeout 90m` says so."),
            "It runs since 12:03. It is stopped after 1 h 30 min: `--timeout 90m` says so."
        );
        assert_eq!(teller.readable("It was (2026) and (2026-11-18"), "It was (2026) and (2026-11-18");
    }

    #[test]
    fn a_state_is_symbol_word_and_colour() {
        assert_eq!(state(State::Retryable, None), "<span class=\"state retryable\"><i aria-hidden=true>↻</i> retrying</span>");
        assert!(state(State::Available, Some(HeldCode::Paused)).contains("held</span> <span class=soft>paused"));
    }
}
