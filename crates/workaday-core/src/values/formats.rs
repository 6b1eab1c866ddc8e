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

/// `03:15:00`, `03:15:00.250`, with an offset or without.
fn time(text: &str) -> bool {
    clock_time(text.trim_end_matches('Z')) || split_offset(text).is_some_and(|(time, _)| clock_time(time))
}

/// `2024-02-29T03:15:00+01:00`: the offset is required, since a time without one names no instant.
fn date_time(text: &str) -> bool {
    let Some((day, rest)) = text.split_at_checked(10) else { return false };
    let Some(rest) = rest.strip_prefix('T') else { return false };
    date(day) && split_offset(rest).is_some_and(|(time, _)| clock_time(time))
}

fn split_offset(text: &str) -> Option<(&str, &str)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, "Z"));
    }
    let (time, offset) = text.split_at(text.rfind(['+', '-'])?);
    let digits = &offset[1..];
    let parts: Vec<u32> = digits.split(':').filter_map(|part| part.parse().ok()).collect();
    let shaped = shaped(digits, "dd:dd") || shaped(digits, "dd:dd:dd");
    (shaped && parts[0] <= 23 && parts[1..].iter().all(|part| *part <= 59)).then_some((time, offset))
}

fn clock_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let fraction_fits = fraction.is_none_or(|digits| (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let numbers = || whole.split(':').map(|part| part.parse::<u32>().unwrap_or(99)).zip([23, 59, 59]).all(|(number, most)| number <= most);
    fraction_fits && shaped(whole, "dd:dd:dd") && numbers()
}

/// ISO 8601 without years and months, whose length is not fixed: `P1DT2H30M`, `PT0.5S`, `-P1D`.
fn duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('-').unwrap_or(text).strip_prefix('P') else { return false };
    let (days, clock) = rest.split_once('T').map_or((rest, None), |(days, clock)| (days, Some(clock)));
    let parts_fit = parts(days, "WD") && clock.is_none_or(|clock| !clock.is_empty() && parts(clock, "HMS"));
    parts_fit && !(days.is_empty() && clock.is_none())
}

/// Numbers with units in this order, each at most once; a fraction only before the last.
fn parts(mut text: &str, mut units: &str) -> bool {
    while !text.is_empty() {
        let Some(end) = text.find(|c: char| !c.is_ascii_digit() && c != '.') else { return false };
        let (number, tail) = text.split_at(end);
        let Some(unit) = tail.chars().next() else { return false };
        let Some(place) = units.find(unit) else { return false };
        let fraction_is_last = !number.contains('.') || unit == 'S';
        let is_number = number.starts_with(|c: char| c.is_ascii_digit())
            && number.ends_with(|c: char| c.is_ascii_digit())
            && number.matches('.').count() <= 1;
        if !is_number || !fraction_is_last {
            return false;
        }
        units = &units[place + 1..];
        text = &tail[1..];
    }
    true
}

fn uuid(text: &str) -> bool {
    shaped(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

/// A finite decimal number as Python writes it: `-12.50`, `1E+3`.
fn decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(digits, exponent)| (digits, Some(exponent)));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction) && exponent_fits
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
