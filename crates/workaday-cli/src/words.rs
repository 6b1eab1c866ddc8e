//! Times, lengths and counts as people read them.

use workaday_core::clock::{Length, Timestamp, format_length};

/// "3m ago", "in 4m".
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    let distance = format_length(Length(coarse((now - at).0.abs())));
    if at > now { format!("in {distance}") } else { format!("{distance} ago") }
}

/// "3m ago (2026-01-01T00:00:00Z)".
pub fn exactly(now: Timestamp, at: Timestamp) -> String {
    format!("{} ({at})", ago(now, at))
}

/// Microseconds in words: "0.8s".
pub fn micros(length_us: i64) -> String {
    format_length(Length(length_us))
}

/// "1 job", "37 jobs".
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", thousands(number as i64)) }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[&str]) -> String {
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

/// 1204 → "1,204".
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let grouped: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    format!("{}{}", if number < 0 { "-" } else { "" }, grouped.join(","))
}

/// Nobody reads milliseconds of something that was seconds ago.
fn coarse(micros: i64) -> i64 {
    if micros >= 1_000_000 { micros / 1_000_000 * 1_000_000 } else { micros / 1_000 * 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_counts_read_well() {
        let now = Timestamp(10_000_000_000);
        assert_eq!(ago(now, now - Length::millis(3_456)), "3s ago");
        assert_eq!(ago(now, now + Length::minutes(90)), "in 1h30m");
        assert_eq!(count(1, "job"), "1 job");
        assert_eq!(count(1204, "job"), "1,204 jobs");
        assert_eq!(thousands(-1_000_000), "-1,000,000");
    }
}
