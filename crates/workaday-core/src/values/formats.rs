//! Text with a form: the ones that Python's table writes, and no looser ones.

use std::str::FromStr;

/// Does `text` have this format? A format that is not ours (pydantic's, a later version's) is not judged.
pub fn fits(format: &str, text: &str) -> bool {
    match format {
        "date" => date(text),
        "time" => time(text),
        "date-time" => date_time(text),
        "duration" => duration(text),
        "uuid" => uuid(text),
        "decimal" => decimal(text),
        "base64" => base64(text),
        _ => true,
    }
}

/// `2024-02-29`, a day that exists.
fn date(text: &str) -> bool {
    shaped(text, "dddd-dd-dd") && jiff::civil::Date::from_str(text).is_ok_and(|date| date.year() >= 1)
}

/// `03:15:00`, `03:15:00.250`: a time of day, without a zone.
fn time(text: &str) -> bool {
    clock_time(text)
}

/// `2024-02-29T03:15:00+01:00`: the offset is required, since a time without one names no instant.
fn date_time(text: &str) -> bool {
    let Some((day, rest)) = text.split_at_checked(10) else { return false };
    let Some(rest) = rest.strip_prefix('T') else { return false };
    date(day) && before_offset(rest).is_some_and(clock_time)
}

/// What stands before `Z` or `+01:00`.
fn before_offset(text: &str) -> Option<&str> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some(time);
    }
    let (time, offset) = text.split_at(text.rfind(['+', '-'])?);
    let digits = &offset[1..];
    let within = || digits.split(':').zip([23, 59]).all(|(part, most)| part.parse::<u32>().is_ok_and(|number| number <= most));
    (shaped(digits, "dd:dd") && within()).then_some(time)
}

fn clock_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let fraction_fits = fraction.is_none_or(|digits| (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let numbers = || whole.split(':').map(|part| part.parse::<u32>().unwrap_or(99)).zip([23, 59, 59]).all(|(number, most)| number <= most);
    fraction_fits && shaped(whole, "dd:dd:dd") && numbers()
}

/// ISO 8601 without weeks, months and years: `P1DT2H30M`, `PT0.5S`, `-P1D`; no longer than Python's longest timedelta.
fn duration(text: &str) -> bool {
    const LONGEST_US: i128 = 999_999_999 * 86_400_000_000 + 86_399_999_999;
    let Some(rest) = text.strip_prefix('-').unwrap_or(text).strip_prefix('P') else { return false };
    let (days, clock) = rest.split_once('T').map_or((rest, None), |(days, clock)| (days, Some(clock)));
    let has_parts = clock.map_or(!days.is_empty(), |clock| !clock.is_empty());
    let length =
        parts(days, &[('D', 86_400_000_000)]).zip(parts(clock.unwrap_or(""), &[('H', 3_600_000_000), ('M', 60_000_000), ('S', 1_000_000)]));
    has_parts && length.is_some_and(|(days, clock)| days + clock <= LONGEST_US)
}

/// Microseconds of numbers with units in this order, each at most once; a fraction only before seconds.
fn parts(mut text: &str, mut units: &[(char, i128)]) -> Option<i128> {
    let mut total = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = text.split_at(end);
        let unit = tail.chars().next()?;
        let place = units.iter().position(|(known, _)| *known == unit)?;
        let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
        let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole, 9) || fraction.is_some_and(|fraction| unit != 'S' || !digits(fraction, 6)) {
            return None;
        }
        total += whole.parse::<i128>().ok()? * units[place].1;
        total += fraction.map_or(Some(0), |fraction| format!("{fraction:0<6}").parse::<i128>().ok())?;
        units = &units[place + 1..];
        text = &tail[1..];
    }
    Some(total)
}

fn uuid(text: &str) -> bool {
    shaped(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

/// A finite decimal number as Python writes it: `-12.50`, `1E+3`.
fn decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(number, exponent)| (number, Some(exponent)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = |exponent: &str| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        digits(exponent) && exponent.len() <= 6
    };
    digits(whole) && fraction.is_none_or(digits) && exponent.is_none_or(exponent_fits)
}

/// The standard alphabet, padded.
fn base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let alphabet = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && alphabet
}

/// `d` stands for a digit, `x` for a hexadecimal one, anything else for itself.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_hexdigit(),
            other => byte == other,
        })
}
