//! From text to fields. Strict: what is not understood is refused by name, never guessed.

use super::super::error::{CronError, Field};
use super::field::{Item, Spec, accepts, bounds, named, written};

/// Longer than any expression written by hand; a bound for text that comes over the network.
const LENGTH_MAX: usize = 1024;

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// In the order of an expression's six fields; five leave out the first.
pub(super) const FIELDS: [Field; 6] = [Field::Second, Field::Minute, Field::Hour, Field::DayOfMonth, Field::Month, Field::DayOfWeek];

pub(super) fn parse(text: &str) -> Result<[Spec; 6], CronError> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(whole("cron.empty", text).hint("`* * * * *` is every minute"));
    }
    if text.len() > LENGTH_MAX {
        let start: String = text.chars().take(20).collect();
        return Err(CronError::new("cron.too_long", Field::Expression, format!("{start}…"), "at most 1024 characters"));
    }
    let text = if text.starts_with('@') { nickname(text)? } else { text };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let fields = match words.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        _ => return Err(field_count(text, words.len())),
    };
    let mut specs = Vec::with_capacity(6);
    if fields.len() == 5 {
        specs.push(Spec { text: "0".to_owned(), items: vec![Item::Value(0)] });
    }
    for (field, word) in fields.iter().zip(words) {
        specs.push(parse_field(*field, word)?);
    }
    Ok(specs.try_into().expect("five fields and a second, or six"))
}

fn whole(code: &'static str, value: &str) -> CronError {
    CronError::new(code, Field::Expression, value, accepts(Field::Expression))
}

fn nickname(text: &str) -> Result<&'static str, CronError> {
    if let Some((_, fields)) = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(fields);
    }
    let known = "@hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually";
    if text.eq_ignore_ascii_case("@reboot") {
        return Err(CronError::new("cron.not_a_cron_time", Field::Expression, text, known)
            .hint("a start is an event, not a time of day: let what starts the service enqueue the job"));
    }
    let error = CronError::new("cron.nickname_unknown", Field::Expression, text, known);
    Err(if text.to_ascii_lowercase().starts_with("@every") { error.hint("for a steady length use `every`") } else { error })
}

fn field_count(text: &str, count: usize) -> CronError {
    let expected = "5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first";
    let error = CronError::new("cron.field_count", Field::Expression, text, expected);
    match count {
        0..=4 => error.hint("write `*` for a field that may be anything"),
        7 => error.hint("there is no year field: leave the seventh out; `at` takes single instants"),
        _ => error.hint("leave out the user and the command: only the times belong here"),
    }
}

fn parse_field(field: Field, text: &str) -> Result<Spec, CronError> {
    if !text.is_ascii() {
        return Err(CronError::new("cron.not_ascii", field, text, accepts(field)).hint("write digits as 0-9 and names as A-Z"));
    }
    let items = match text {
        "?" if matches!(field, Field::DayOfMonth | Field::DayOfWeek) => {
            vec![Item::Every { step: 1 }]
        }
        _ => text.split(',').map(|item| parse_item(field, text, item)).collect::<Result<_, _>>()?,
    };
    Ok(Spec { text: text.to_owned(), items })
}

fn parse_item(field: Field, list: &str, text: &str) -> Result<Item, CronError> {
    if text.is_empty() {
        return Err(CronError::new("cron.empty_item", field, list, "a value on both sides of each comma").hint("remove the extra comma"));
    }
    if let Some(foreign) = not_a_time(field, text) {
        return Err(foreign);
    }
    match text.split_once('/') {
        Some((base, step)) => parse_stepped(field, text, base, step),
        None if text == "*" => Ok(Item::Every { step: 1 }),
        None => match special(field, text)? {
            Some(item) => Ok(item),
            None => parse_plain(field, text),
        },
    }
}

/// Words of other schedulers that mean something, but not a time.
fn not_a_time(field: Field, text: &str) -> Option<CronError> {
    let hashed = text.eq_ignore_ascii_case("h") || text.starts_with("H/") || text.starts_with("H(");
    let error = |code| CronError::new(code, field, text, accepts(field));
    if hashed || (text.contains('~') && text.len() > 1) {
        return Some(error("cron.not_a_cron_time").hint("to keep schedules apart name a time for each and add `jitter`"));
    }
    let zone = text.starts_with("TZ=") || text.starts_with("CRON_TZ=");
    zone.then(|| error("cron.not_a_value").hint("give the zone beside the expression, as `tz`"))
}

fn parse_stepped(field: Field, text: &str, base: &str, step: &str) -> Result<Item, CronError> {
    if base.is_empty() {
        return Err(CronError::new("cron.step_without_start", field, text, "`*`, a value or a range before the `/`")
            .hint(format!("did you mean `*{text}`?")));
    }
    if step.is_empty() || !step.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CronError::new("cron.step_not_a_number", field, text, "a whole number of 1 or more after the `/`"));
    }
    // A step past the range is allowed and gives the first value only, so a huge one may as well be the largest.
    let step = step.parse().unwrap_or(u32::MAX);
    if step == 0 {
        return Err(CronError::new("cron.step_zero", field, text, "a step of 1 or more")
            .hint("a step says how far apart the values are; leave it out for all of them"));
    }
    if base == "*" {
        return Ok(Item::Every { step });
    }
    if base == "?" || special(field, base)?.is_some() {
        return Err(CronError::new("cron.modifier_misplaced", field, text, "a step only after `*`, a value or a range"));
    }
    Ok(match parse_plain(field, base)? {
        Item::Range { from, to, .. } => Item::Range { from, to, step },
        Item::Value(from) => Item::From { from, step },
        other => other,
    })
}

/// `L`, `LW`, `nW` in the day of month; `d#n`, `dL` in the day of week.
fn special(field: Field, text: &str) -> Result<Option<Item>, CronError> {
    let upper = text.to_ascii_uppercase();
    match field {
        Field::DayOfMonth => match upper.as_str() {
            "L" => Ok(Some(Item::LastDay)),
            "LW" => Ok(Some(Item::LastWeekday)),
            _ => match upper.strip_suffix('W') {
                Some(day) => parse_part(field, text, day).map(|day| Some(Item::NearestWeekday(day))),
                None => Ok(None),
            },
        },
        Field::DayOfWeek => {
            if let Some((weekday, n)) = upper.split_once('#') {
                return Ok(Some(Item::Nth { weekday: parse_part(field, text, weekday)? % 7, n: parse_nth(text, n)? }));
            }
            match upper.strip_suffix('L') {
                Some("") => Err(CronError::new("cron.modifier_misplaced", field, text, "a weekday before the `L`")
                    .hint("`5L` is the last Friday; the last day of the month is `L` in the day-of-month field")),
                Some(weekday) => Ok(Some(Item::LastOf(parse_part(field, text, weekday)? % 7))),
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// The value before a sign; where there is none, the whole text is what is wrong.
fn parse_part(field: Field, text: &str, part: &str) -> Result<u32, CronError> {
    if part.is_empty() { Err(not_a_value(field, text)) } else { parse_value(field, part) }
}

fn parse_nth(text: &str, n: &str) -> Result<u32, CronError> {
    match n.as_bytes() {
        [digit @ b'1'..=b'5'] => Ok(u32::from(digit - b'0')),
        _ => Err(CronError::new("cron.value_out_of_range", Field::DayOfWeek, text, "`#1` to `#5` after the weekday")
            .hint("for the last one of the month write `L` after the weekday")),
    }
}

fn parse_plain(field: Field, text: &str) -> Result<Item, CronError> {
    let Some((from, to)) = text.split_once('-') else {
        return parse_value(field, text).map(Item::Value);
    };
    if from.is_empty() || to.is_empty() {
        return Err(CronError::new("cron.range_incomplete", field, text, "a value on both sides of the `-`"));
    }
    let (from, to) = (parse_value(field, from)?, parse_value(field, to)?);
    if from > to {
        return Err(backward(field, text, from, to));
    }
    Ok(Item::Range { from, to, step: 1 })
}

fn backward(field: Field, text: &str, from: u32, to: u32) -> CronError {
    let error = CronError::new("cron.backward_range", field, text, "the smaller value first");
    let (least, most) = bounds(field);
    if field == Field::DayOfWeek {
        let days: Vec<String> = (from..=to + 7).map(|day| written(field, day)).collect();
        return error.hint(format!("write `{}`", days.join(",")));
    }
    let part = |from: u32, to: u32| match from == to {
        true => written(field, from),
        false => format!("{}-{}", written(field, from), written(field, to)),
    };
    error.hint(format!("write `{},{}`", part(from, most), part(least, to)))
}

fn parse_value(field: Field, text: &str) -> Result<u32, CronError> {
    if let Some(value) = named(field, text) {
        return Ok(value);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_a_value(field, text));
    }
    let (least, most) = bounds(field);
    match text.parse() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(CronError::new("cron.value_out_of_range", field, text, accepts(field))),
    }
}

fn not_a_value(field: Field, text: &str) -> CronError {
    let error = CronError::new("cron.not_a_value", field, text, accepts(field));
    let short = text.get(..3).filter(|short| named(field, short).is_some());
    match short {
        Some(short) if text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            error.hint(format!("names have three letters: `{}`", short.to_ascii_uppercase()))
        }
        _ if named(Field::DayOfWeek, text).is_some() => error.hint("weekdays belong in the last field"),
        _ if named(Field::Month, text).is_some() => error.hint("months belong in the field before the last"),
        _ if text == "?" => error.hint("`?` stands alone, and only in the two day fields"),
        _ if matches!(text, "L" | "LW" | "l" | "lw") => error.hint("`L` belongs in the day fields"),
        _ => error,
    }
}
