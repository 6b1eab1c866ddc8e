//! A crontab, read as cron reads it (Debian's and cronie's rules): variables, entries, `%`, the user column.

/// One line that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub line: usize,
    /// Five fields; nicknames are written out.
    pub expr: String,
    pub user: Option<String>,
    /// What the shell gets, `\%` resolved.
    pub command: String,
    /// What came after the first `%`, one line each.
    pub stdin: Option<Vec<String>>,
    /// The variables that stand above it, the last of a name.
    pub variables: Vec<(String, String)>,
}

impl Entry {
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A line that cannot be taken, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub line: usize,
    pub text: String,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crontab {
    pub entries: Vec<Entry>,
    pub left: Vec<Left>,
}

/// Reads the text of a crontab. `with_user`: the sixth field is a user.
pub fn read(text: &str, with_user: bool) -> Crontab {
    let mut found = Crontab::default();
    let mut variables: Vec<(String, String)> = vec![];
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let shown = line.trim();
        if shown.is_empty() || shown.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(shown) {
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
            continue;
        }
        match entry(line.trim_start(), with_user) {
            Ok((expr, user, rest)) => {
                let (command, stdin) = percent(rest);
                found.entries.push(Entry { line: line_number, expr, user, command, stdin, variables: variables.clone() });
            }
            Err(why) => found.left.push(Left { line: line_number, text: shown.to_owned(), why }),
        }
    }
    found
}

/// `NAME = value`, with or without quotes.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = unquoted(name.trim());
    let is_name = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), unquoted(value.trim()).to_owned()))
}

fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// Fields, user, and the rest of the line.
fn entry(line: &str, with_user: bool) -> Result<(String, Option<String>, &str), String> {
    let (expr, mut rest) = match line.strip_prefix('@') {
        Some(nickname) => {
            let (word, rest) = word(nickname);
            (nickname_fields(word)?.to_owned(), rest)
        }
        None => {
            let (mut fields, mut rest) = (vec![], line);
            for _ in 0..5 {
                let (field, after) = word(rest);
                fields.push(field);
                rest = after;
            }
            (fields.join(" "), rest)
        }
    };
    let user = match with_user {
        true => {
            let (user, after) = word(rest);
            rest = after;
            Some(user.to_owned())
        }
        false => None,
    };
    if rest.trim().is_empty() {
        return Err("cron needs five fields (or @daily …) and a command; is there a user column (--user-column)?".to_owned());
    }
    Ok((expr, user.filter(|user| !user.is_empty()), rest))
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn nickname_fields(word: &str) -> Result<&'static str, String> {
    match word.to_ascii_lowercase().as_str() {
        "yearly" | "annually" => Ok("0 0 1 1 *"),
        "monthly" => Ok("0 0 1 * *"),
        "weekly" => Ok("0 0 * * 0"),
        "daily" | "midnight" => Ok("0 0 * * *"),
        "hourly" => Ok("0 * * * *"),
        "reboot" => Err("@reboot is no time: start it as a service of its own (systemd), or enqueue it when your service starts \
                         (`workaday enqueue command.NAME`); restarts of workaday are no reboots"
            .to_owned()),
        other => Err(format!("@{other} is no nickname of cron")),
    }
}

/// The first bare `%` ends the command; what follows is its standard input, each further `%` a new line; `\%` is a `%`.
fn percent(rest: &str) -> (String, Option<Vec<String>>) {
    let mut parts = vec![String::new()];
    let mut chars = rest.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.last_mut().expect("there is always one");
        match c {
            '\\' if chars.peek() == Some(&'%') => {
                chars.next();
                last.push('%');
            }
            '%' => parts.push(String::new()),
            c => last.push(c),
        }
    }
    let command = parts.remove(0).trim_end().to_owned();
    (command, (!parts.is_empty()).then_some(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Entry {
        read(line, false).entries.remove(0)
    }

    #[test]
    fn a_percent_begins_the_input_and_an_escaped_one_is_itself() {
        let entry = one("0 5 * * * date +\\%F; cat%first%second line%");
        assert_eq!(
            (entry.command.as_str(), entry.stdin),
            ("date +%F; cat", Some(vec!["first".into(), "second line".into(), String::new()]))
        );
        assert_eq!(one("0 5 * * * echo hello").stdin, None);
    }

    #[test]
    fn variables_hold_for_the_lines_below_them() {
        let text = "MAILTO = \"ops@shop.example\"\n0 1 * * * a\nCRON_TZ=Europe/Lisbon\nMAILTO=''\n0 2 * * * b\n";
        let found = read(text, false).entries;
        assert_eq!((found[0].variable("MAILTO"), found[0].variable("CRON_TZ")), (Some("ops@shop.example"), None));
        assert_eq!((found[1].variable("MAILTO"), found[1].variable("CRON_TZ")), (Some(""), Some("Europe/Lisbon")));
    }

    #[test]
    fn an_entry_with_an_equals_sign_is_no_variable() {
        let entry = one("*/5 * * * * A=1 run --name=x");
        assert_eq!((entry.expr.as_str(), entry.command.as_str()), ("*/5 * * * *", "A=1 run --name=x"));
    }

    #[test]
    fn the_user_column_is_read_where_there_is_one() {
        let entry = read("17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly\n", true).entries.remove(0);
        assert_eq!((entry.expr.as_str(), entry.user.as_deref()), ("17 * * * *", Some("root")));
        assert_eq!(entry.command, "cd / && run-parts --report /etc/cron.hourly");
    }

    #[test]
    fn reboot_and_short_lines_are_left_with_advice() {
        let found = read("@reboot /usr/bin/warm\n1 2 3\n@daily /usr/bin/tidy\n", false);
        assert_eq!((found.entries.len(), found.entries[0].expr.as_str()), (1, "0 0 * * *"));
        assert_eq!(found.left.iter().map(|left| left.line).collect::<Vec<_>>(), [1, 2]);
        assert!(found.left[0].why.contains("systemd"));
    }
}
