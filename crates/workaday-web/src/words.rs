//! Numbers, lengths and names as people read them. Pure text; the markup around it is in `show`.

use workaday_core::clock::{Length, Timestamp};
use workaday_store::sqlite::read::Counted;

/// 1204 → `1,204`.
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let grouped: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    format!("{}{}", if number < 0 { "-" } else { "" }, grouped.join(","))
}

/// `1,204`, or `10,000+` when nobody counted further.
pub fn counted(count: Counted) -> String {
    format!("{}{}", thousands(count.number), if count.more { "+" } else { "" })
}

/// `1 job`, `37 jobs`, `10,000+ jobs`.
pub fn count_of(count: Counted, noun: &str) -> String {
    let s = if count.number == 1 && !count.more { "" } else { "s" };
    format!("{} {noun}{s}", counted(count))
}

/// The same for a number that was counted to its end.
pub fn many(number: usize, noun: &str) -> String {
    count_of(Counted { number: number as i64, more: false }, noun)
}

/// A measured length: `0.4 ms`, `350 ms`, `0.8 s`, `4 min 10 s`, `2 h 5 min`, `3 days`.
pub fn length(length: Length) -> String {
    let us = length.0.max(0);
    let tenths = |unit: i64| {
        let value = us as f64 / unit as f64;
        if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
    };
    match us {
        0 => "0 ms".to_owned(),
        1..100_000 => format!("{} ms", tenths(1_000)),
        100_000..60_000_000 => format!("{} s", tenths(1_000_000)),
        _ => coarse(length),
    }
}

/// A distance in time, no finer than a reader cares: `12 s`, `4 min`, `3 h 20 min`, `5 days`.
pub fn coarse(length: Length) -> String {
    let seconds = length.0.unsigned_abs() / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |big: u64, unit: &str, small: u64, smaller: &str| match (big, small) {
        (0..10, 1..) => format!("{big} {unit} {small} {smaller}"),
        _ => format!("{big} {unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(minutes, "min", if minutes < 5 { seconds % 60 } else { 0 }, "s"),
        3_600..172_800 => two(hours, "h", minutes % 60, "min"),
        _ => format!("{days} days"),
    }
}

/// A length as it is typed, `11h21m`, as it is read: `11 h 21 min`. `None`: it is none.
pub fn spaced(typed: &str) -> Option<String> {
    let mut parts = vec![];
    if !typed.is_ascii() {
        return None;
    }
    for part in typed.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        let (number, unit) = part.split_at(part.len() - 1);
        let one = number == "1";
        let unit = match unit {
            "d" if one => "day",
            "d" => "days",
            "h" => "h",
            "m" => "min",
            "s" => "s",
            _ => return None,
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        parts.push(format!("{number} {unit}"));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// `3 min ago`, `in 4 h`, `just now`.
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    let distance = now - at;
    match distance.0 {
        1_000_000.. => format!("{} ago", coarse(distance)),
        ..=-1_000_000 => format!("in {}", coarse(distance)),
        _ => "just now".to_owned(),
    }
}

/// `12 MiB`.
pub fn kib(kib: i64) -> String {
    match kib {
        0..1_024 => format!("{kib} KiB"),
        1_024..1_048_576 => format!("{} MiB", kib / 1_024),
        _ => format!("{:.1} GiB", kib as f64 / 1_048_576.0),
    }
}

/// The first line of a text, cut.
pub fn first_line(text: &str, chars_max: usize) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    cut(line, chars_max)
}

/// A sentence begins with a capital; a name or a backtick that stands first stays as it is.
pub fn begun(text: &str) -> String {
    let first_word = text.split(' ').next().unwrap_or_default();
    let is_word = first_word.chars().all(|c| c.is_ascii_lowercase());
    match text.chars().next() {
        Some(first) if is_word => format!("{}{}", first.to_ascii_uppercase(), &text[first.len_utf8()..]),
        _ => text.to_owned(),
    }
}

pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The part of an id that tells jobs of one day apart: its beginning is the time.
pub fn short_id(id: &str) -> String {
    id.get(..13).unwrap_or(id).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_fine_as_a_reader_cares() {
        let cases = [
            (400, "0.4 ms"),
            (99_000, "99 ms"),
            (350_000, "0.3 s"),
            (800_000, "0.8 s"),
            (12_300_000, "12 s"),
            (250_000_000, "4 min 10 s"),
            (1_200_000_000, "20 min"),
            (7_500_000_000, "2 h 5 min"),
            (90_000_000_000, "25 h"),
            (400_000_000_000, "4 days"),
        ];
        for (us, shown) in cases {
            assert_eq!(length(Length(us)), shown);
        }
    }

    #[test]
    fn a_length_that_is_typed_is_spaced_and_nothing_else() {
        assert_eq!(spaced("11h21m").as_deref(), Some("11 h 21 min"));
        assert_eq!(spaced("2d").as_deref(), Some("2 days"));
        for other in ["", "3f2c1a9", "h", "5", "é", "ab12s", "s5", "12ms", "4d2x"] {
            assert_eq!(spaced(other), None, "{other}");
        }
    }

    #[test]
    fn distances_and_counts_read_well() {
        let now = Timestamp(1_000_000_000_000);
        assert_eq!(ago(now, now - Length::millis(300)), "just now");
        assert_eq!(ago(now, now - Length::minutes(200)), "3 h 20 min ago");
        assert_eq!(ago(now, now + Length::minutes(4)), "in 4 min");
        assert_eq!(count_of(Counted { number: 1, more: false }, "job"), "1 job");
        assert_eq!(count_of(Counted { number: 10_000, more: true }, "job"), "10,000+ jobs");
        assert_eq!(kib(12_400), "12 MiB");
        assert_eq!(first_line("\n  two\nlines", 80), "two");
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(begun("there is nothing at this address"), "There is nothing at this address");
        assert_eq!(begun("shop.send was not enqueued"), "shop.send was not enqueued");
        assert_eq!(begun("`x` is no key"), "`x` is no key");
    }
}
