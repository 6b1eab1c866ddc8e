//! Which failures are the same: two thousand failed jobs are usually three errors.
//!
//! A fingerprint is made of the task, the type of the error and the last frame of the traceback that is the
//! application's own; line numbers are left out, so a deploy that moves a line keeps the group. Without such a frame the
//! message stands in, with everything that looks like data taken out.

use crate::job::AttemptOutcome;
use serde_json::Value;

/// How many letters of a message tell errors apart.
const MESSAGE_CHARS: usize = 120;

/// The group of an ended claim, 16 hex digits; `None`: it did not fail, or has nothing to say.
pub fn fingerprint(task: &str, outcome: AttemptOutcome, error: Option<&str>, cause: Option<&str>) -> Option<String> {
    use AttemptOutcome as O;
    if matches!(outcome, O::Completed | O::Snoozed | O::Cancelled | O::GivenBack | O::Rescued) {
        return None;
    }
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let (error, cause) = (read(error), read(cause));
    let (kind, place) = match (&error, &cause) {
        (Some(error), _) => {
            let place = frame(text(error, "traceback"));
            (text(error, "type"), place.unwrap_or_else(|| normal(text(error, "message"))))
        }
        (None, Some(cause)) => {
            let how = cause.get("signal").or_else(|| cause.get("code"));
            (text(cause, "kind"), how.map(Value::to_string).unwrap_or_default())
        }
        (None, None) => ("", String::new()),
    };
    Some(format!("{:016x}", fnv([task, outcome_word(outcome), kind, &place])))
}

/// The application's frame, for people: `shop/mail.py in send_invoice`.
pub fn place(traceback: &str) -> Option<String> {
    frame(traceback)
}

/// A failure is a failure whether or not it was the last attempt.
const fn outcome_word(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Failed | AttemptOutcome::Discarded => "failed",
        AttemptOutcome::Crashed | AttemptOutcome::Suspect => "crashed",
        other => other.as_str(),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The last frame that is neither the interpreter's nor a package's, as `path/file.py in function`.
fn frame(traceback: &str) -> Option<String> {
    let own = |file: &str| {
        !file.starts_with('<') && !file.contains("/site-packages/") && !file.contains("/dist-packages/") && !file.contains("/lib/python")
    };
    traceback.lines().rev().filter_map(|line| line.trim_start().strip_prefix("File \"")).find_map(|line| {
        let (file, rest) = line.split_once('"')?;
        let function = rest.rsplit_once(", in ").map_or("", |(_, function)| function.trim());
        // Two parts of the path: the folder of a release differs from deploy to deploy.
        let tail: Vec<&str> = file.rsplit('/').take(2).collect();
        own(file).then(|| format!("{} in {function}", tail.into_iter().rev().collect::<Vec<_>>().join("/")))
    })
}

/// The message without its data: numbers and hex become `#`, quoted text becomes `'…'`.
fn normal(message: &str) -> String {
    let mut kept = String::new();
    let mut quote = None;
    for word in message.split_whitespace().flat_map(|word| [word, " "]) {
        let is_data = word.len() > 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        for c in if is_data { "#" } else { word }.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => {
                    quote = None;
                    kept.push(c);
                }
                (Some(_), _) => {}
                (None, '"' | '`') => {
                    quote = Some(c);
                    kept.push(c);
                }
                (None, '0'..='9') if kept.ends_with('#') => {}
                (None, '0'..='9') => kept.push('#'),
                (None, c) => kept.push(c),
            }
        }
    }
    kept.trim_end().chars().take(MESSAGE_CHARS).collect()
}

/// FNV-1a, each part ended by a byte that no text contains.
fn fnv<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(kind: &str, message: &str, traceback: &str) -> Option<String> {
        let error = json!({"type": kind, "message": message, "traceback": traceback}).to_string();
        fingerprint("shop.send", AttemptOutcome::Failed, Some(&error), None)
    }

    const TRACE: &str = "Traceback (most recent call last):\n  File \"/srv/r41/shop/mail.py\", line 41, in send\n    smtp.send()\n  File \"/usr/lib/python3.11/smtplib.py\", line 9, in send\n    raise\nSMTPError: 535";

    #[test]
    fn a_line_that_moved_and_another_folder_are_the_same_error() {
        let moved = TRACE.replace("line 41", "line 57").replace("r41", "r42");
        assert_eq!(of("SMTPError", "535", TRACE), of("SMTPError", "550 mailbox full", &moved));
        assert_eq!(place(TRACE).as_deref(), Some("shop/mail.py in send"));
    }

    #[test]
    fn another_type_task_or_function_is_another_error() {
        assert_ne!(of("SMTPError", "535", TRACE), of("ValueError", "535", TRACE));
        assert_ne!(of("SMTPError", "535", TRACE), of("SMTPError", "535", &TRACE.replace("in send\n    smtp", "in resend\n    smtp")));
        let error = json!({"type": "E"}).to_string();
        let task = |name| fingerprint(name, AttemptOutcome::Failed, Some(&error), None);
        assert_ne!(task("shop.a"), task("shop.b"));
    }

    #[test]
    fn without_a_frame_the_message_tells_without_its_data() {
        let same = |one, other| assert_eq!(of("E", one, ""), of("E", other, ""), "{one} / {other}");
        same("order 42 not found", "order 1377 not found");
        same("no file \"a.pdf\" there", "no file \"b c.pdf\" there");
        same("row 0198f2c4-77aa-7c31-9d10-2f8e5a6b7c8d gone", "row 0198f2c5-88bb-7c31-9d10-2f8e5a6b7c8d gone");
        assert_ne!(of("E", "order missing", ""), of("E", "invoice missing", ""));
    }

    #[test]
    fn a_death_is_grouped_by_its_cause_and_a_success_is_no_error() {
        let killed = json!({"kind": "signal", "signal": 9}).to_string();
        let by = |outcome| fingerprint("shop.send", outcome, None, Some(&killed));
        assert_eq!(by(AttemptOutcome::Crashed), by(AttemptOutcome::Suspect));
        assert_eq!(by(AttemptOutcome::Completed), None);
        assert_eq!(by(AttemptOutcome::GivenBack), None);
    }
}
