//! One entry of a crontab as a `[command.NAME]`: the program and its folder where they can be told apart, else a shell.

use super::crontab::Entry;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What Debian's cron gives a job when the crontab sets none.
const PATH: &str = "/usr/bin:/bin";
const SHELL: &str = "/bin/sh";
/// Variables that steer cron itself.
const OF_CRON: [&str; 6] = ["MAILTO", "CRON_TZ", "SHELL", "PATH", "RANDOM_DELAY", "CONTENT_TYPE"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub name: String,
    pub run: Vec<String>,
    pub cwd: Option<String>,
    pub env: Vec<(String, String)>,
    pub owner: String,
    /// Its own, from CRON_TZ, else that of the machine.
    pub tz: String,
    pub expr: String,
    /// What a person should know before taking it over.
    pub notes: Vec<String>,
}

/// What is the same for all entries of one file.
pub struct Around<'a> {
    pub zone: &'a str,
    pub owner: Option<&'a str>,
    /// The user whose crontab it is, where there is no user column.
    pub user: &'a str,
    pub home_of: &'a dyn Fn(&str) -> Option<String>,
}

pub fn propose(entry: &Entry, around: &Around<'_>, taken: &mut BTreeSet<String>) -> Proposal {
    let mut notes = vec![];
    let user = entry.user.as_deref().unwrap_or(around.user);
    let home = entry.variable("HOME").map(str::to_owned).or_else(|| (around.home_of)(user));
    let (run, cwd) = program(entry, home, &mut notes);
    if user != around.user {
        notes.push(format!("cron ran it as {user}; workaday runs every command as its own user"));
    }
    let path = entry.variable("PATH").unwrap_or(PATH);
    if entry.variable("PATH").is_none() {
        notes.push(format!("cron ran it with PATH={PATH}; without `env.PATH` it would get that of the supervisor"));
    }
    if entry.variable("RANDOM_DELAY").is_some() {
        notes.push("RANDOM_DELAY spread its start: `jitter` does so here, the same for each tick".to_owned());
    }
    let mut env = vec![("PATH".to_owned(), path.to_owned())];
    env.extend(entry.variables.iter().filter(|(name, _)| !OF_CRON.contains(&name.as_str())).cloned());
    let mailto = entry.variable("MAILTO").filter(|to| !to.is_empty());
    Proposal {
        name: free_name(&name(entry, &run), taken),
        run,
        cwd,
        env,
        owner: around.owner.or(mailto).unwrap_or(user).to_owned(),
        tz: entry.variable("CRON_TZ").unwrap_or(around.zone).to_owned(),
        expr: entry.expr.clone(),
        notes,
    }
}

/// `run` and `cwd`.
fn program(entry: &Entry, home: Option<String>, notes: &mut Vec<String>) -> (Vec<String>, Option<String>) {
    let mut command = entry.command.trim().to_owned();
    let mut cwd = home;
    let moved = command.strip_prefix("cd ").and_then(|rest| rest.split_once("&&")).and_then(|(folder, rest)| {
        let folder = words(folder).filter(|words| words.len() == 1)?.remove(0);
        folder.starts_with('/').then(|| (folder, rest.trim().to_owned()))
    });
    if let Some((folder, rest)) = moved {
        (cwd, command) = (Some(folder), rest);
    }
    if let (Some(argv), None) = (words(&command), &entry.stdin) {
        return (argv, cwd);
    }
    let shell = entry.variable("SHELL").unwrap_or(SHELL).to_owned();
    if command.contains('>') {
        notes.push(
            "it writes its output to a file; without the redirection the output is kept with each run (`workaday job logs`)".to_owned(),
        );
    }
    let line = match &entry.stdin {
        Some(lines) => {
            notes.push("its standard input (after `%`) comes from printf, in a shell".to_owned());
            let quoted: Vec<String> = lines.iter().map(|line| format!("'{}'", line.replace('\'', "'\\''"))).collect();
            format!("printf '%s\\n' {} | {{ {command}; }}", quoted.join(" "))
        }
        None => {
            notes.push(format!("it needs a shell ({}), so it runs through {shell} -c", why_shell(&command)));
            command
        }
    };
    (vec![shell, "-c".to_owned(), line], cwd)
}

fn why_shell(command: &str) -> &'static str {
    let has = |c: &str| command.contains(c);
    match () {
        () if has("||") => "several commands",
        () if has("|") => "a pipe",
        () if has(">") || has("<") => "a redirection",
        () if has(";") || has("&") => "several commands",
        () if has("$") || has("`") => "a variable or a command inside it",
        () if has("*") || has("?") || has("~") => "a pattern or ~",
        () => "its quoting",
    }
}

/// The words of a line that no shell has to look at; `None` when one has to.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut current, mut inside) = (vec![], None::<String>, None::<char>);
    for c in line.trim().chars() {
        match (inside, c) {
            (Some(quote), c) if c == quote => inside = None,
            (Some('"'), '$' | '`' | '\\' | '!') => return None,
            (Some(_), c) => current.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                inside = Some(c);
                current.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(current.take()),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '\\' | '*' | '?' | '[' | ']' | '~' | '{' | '}' | '!' | '#') => {
                return None;
            }
            (None, c) => current.get_or_insert_default().push(c),
        }
    }
    words.extend(current);
    // `NAME=value program` is the shell's doing, and so are its own words.
    let first = words.first()?;
    let is_shells = first.contains('=')
        || ["cd", "export", "source", ".", "if", "for", "while", "test", "exec", "umask", "ulimit", "set", ":"].contains(&first.as_str());
    (inside.is_none() && !is_shells).then_some(words)
}

/// After the program; for a shell, after the first program in its line.
fn name(entry: &Entry, run: &[String]) -> String {
    let line = entry.command.rsplit_once("&& ").map_or(entry.command.as_str(), |(_, last)| last);
    let is_shell = run.get(1).is_some_and(|flag| flag == "-c");
    let program = if is_shell { line.split_whitespace().find(|word| !word.contains('=')).unwrap_or("command") } else { run[0].as_str() };
    // Interpreters say little: the script does.
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_interpreter = ["sh", "bash", "python", "python3", "php", "perl", "ruby", "node", "nice", "env", "flock", "sudo"]
        .contains(&base(program).as_str());
    let script = line.split_whitespace().skip(1).find(|word| !word.starts_with('-') && !word.contains('='));
    let chosen = base(if is_interpreter { script.unwrap_or(program) } else { program });
    let clean: String = chosen.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    match clean.trim_matches('-') {
        "" => "command".to_owned(),
        clean => clean.to_owned(),
    }
}

fn free_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|again| format!("{name}-{again}")));
    let free = names.find(|name| !taken.contains(name)).expect("numbers do not end");
    taken.insert(free.clone());
    free
}

impl Proposal {
    /// The table for workaday.toml. Cron never tried again, so neither does this.
    pub fn toml(&self) -> String {
        let mut text = format!("[command.{}]\n", self.name);
        let list = self.run.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{key} = {value}");
        };
        line("run", format!("[{list}]"));
        if let Some(cwd) = &self.cwd {
            line("cwd", quoted(cwd));
        }
        let env: Vec<String> = self.env.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
        line("env", format!("{{ {} }}", env.join(", ")));
        line("schedule", quoted(&self.expr));
        line("tz", quoted(&self.tz));
        line("overlap", quoted("skip"));
        line("timeout", quoted("1h"));
        line("late_after", quoted("15m"));
        line("owner", quoted(&self.owner));
        line("retry", "{ attempts = 1 }".to_owned());
        text
    }
}

/// A basic string of TOML: JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::super::crontab;
    use super::*;

    fn proposed(line: &str) -> Proposal {
        let entry = crontab::read(line, false).entries.remove(0);
        let around = Around { zone: "UTC", owner: None, user: "ana", home_of: &|user| Some(format!("/home/{user}")) };
        propose(&entry, &around, &mut BTreeSet::new())
    }

    #[test]
    fn a_plain_command_needs_no_shell() {
        let found = proposed("0 3 * * * /usr/bin/pg_dump --file='/srv/my dumps/shop.sql' \"shop db\"");
        assert_eq!(found.run, ["/usr/bin/pg_dump", "--file=/srv/my dumps/shop.sql", "shop db"]);
        assert_eq!((found.name.as_str(), found.cwd.as_deref(), found.owner.as_str()), ("pg_dump", Some("/home/ana"), "ana"));
    }

    #[test]
    fn cd_becomes_the_folder() {
        let found = proposed("0 3 * * * cd /srv/shop && ./venv/bin/python manage.py clearsessions");
        assert_eq!((found.cwd.as_deref(), found.name.as_str()), (Some("/srv/shop"), "manage"));
        assert_eq!(found.run, ["./venv/bin/python", "manage.py", "clearsessions"]);
    }

    #[test]
    fn what_a_shell_does_is_left_to_a_shell_and_said() {
        for (line, why) in [
            ("* * * * * a | b", "a pipe"),
            ("* * * * * a > /dev/null 2>&1", "a redirection"),
            ("* * * * * a; b", "several commands"),
            ("* * * * * a || b", "several commands"),
            ("* * * * * a $HOME", "a variable"),
            ("* * * * * rm /tmp/x*", "a pattern"),
            ("* * * * * A=1 b", "its quoting"),
            ("* * * * * cd work && b", "several commands"),
        ] {
            let found = proposed(line);
            assert_eq!((&found.run[..2], &found.run[2]), (&["/bin/sh".to_owned(), "-c".to_owned()][..], &line[10..].to_owned()));
            assert!(found.notes.iter().any(|note| note.contains(why)), "{line}: {:?}", found.notes);
        }
    }

    #[test]
    fn input_after_a_percent_is_kept() {
        assert_eq!(proposed("0 0 * * * mail ana%it's%me").run[2], "printf '%s\\n' 'it'\\''s' 'me' | { mail ana; }");
    }

    #[test]
    fn the_table_says_what_cron_left_open() {
        let toml = proposed("MAILTO=ops@shop.example\nLANG=C\nCRON_TZ=Europe/Lisbon\n30 2 * * 1-5 /opt/bill").toml();
        for line in [
            "[command.bill]",
            "overlap = \"skip\"",
            "timeout = \"1h\"",
            "late_after = \"15m\"",
            "owner = \"ops@shop.example\"",
            "retry = { attempts = 1 }",
            "tz = \"Europe/Lisbon\"",
            "env = { PATH = \"/usr/bin:/bin\", LANG = \"C\" }",
        ] {
            assert!(toml.lines().any(|found| found == line), "{line} in\n{toml}");
        }
    }
}
