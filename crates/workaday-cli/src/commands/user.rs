//! `user …`: who may log in to the dashboard by password.

use crate::args::{User, UserAdd, UserRemove};
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::{Cell, Table};
use crate::{document, text};
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::access::UserRow;
use workaday_web::{identity, secrets};

pub fn run(args: &User, context: &mut Context) -> Done {
    match args {
        User::Add(args) => add(args, context),
        User::List => list(context),
        User::Remove(args) => remove(args, context),
    }
}

fn add(args: &UserAdd, context: &mut Context) -> Done {
    check_name(&args.name)?;
    let by = context.by(&args.by);
    context.existing()?;
    let password = secrets::hash_password(&password()?)?;
    let (mut store, now) = (context.writer()?, context.now());
    let user = UserRow { name: args.name.clone(), role: args.role.clone(), password, created_by: by.who.clone(), created_at: now };
    transaction(&mut store, |store| store.put_user(&user, &by, now))?;
    if context.out.json {
        context.out.json(&json!({"name": user.name, "role": user.role}))?;
    } else {
        context.out.line(text::line(&format!("{} may log in as {}.", user.name, user.role)))?;
    }
    Ok(DONE)
}

/// Refuses a name that a user or a token cannot have.
pub fn check_name(name: &str) -> Result<(), Problem> {
    if identity::is_name(name) {
        return Ok(());
    }
    Err(usage(format!("the name is \"{}\"", text::line(name)), "1 to 100 letters, digits, blanks, and @ . _ - +"))
}

/// Never on the command line, where every user of the machine could read it.
fn password() -> Result<String, Failure> {
    let mut line = String::new();
    let stdin = std::io::stdin();
    let is_terminal = stdin.is_terminal();
    let quiet = is_terminal.then(|| Quiet::new(&stdin)).flatten();
    if is_terminal {
        let _ = write!(std::io::stderr(), "Password: ");
    }
    let read = stdin.lock().read_line(&mut line);
    drop(quiet);
    if is_terminal {
        let _ = writeln!(std::io::stderr());
    }
    read.map_err(|error| usage(format!("standard input could not be read: {error}"), "the password on one line"))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A terminal that does not repeat what is typed, until dropped.
struct Quiet<'a> {
    stdin: &'a std::io::Stdin,
    before: rustix::termios::Termios,
}

impl<'a> Quiet<'a> {
    fn new(stdin: &'a std::io::Stdin) -> Option<Self> {
        let before = rustix::termios::tcgetattr(stdin).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(stdin, rustix::termios::OptionalActions::Now, &silent).ok()?;
        Some(Self { stdin, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(self.stdin, rustix::termios::OptionalActions::Now, &self.before);
    }
}

fn list(context: &mut Context) -> Done {
    let users = context.reader()?.users()?;
    if context.out.json {
        let one = |user: &UserRow| json!({"name": user.name, "role": user.role, "created_by": user.created_by, "created_at": document::instant(user.created_at)});
        context.out.json(&users.iter().map(one).collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["name", "role", "added by", "added"]);
    for user in &users {
        table.row([Cell::new(&user.name), Cell::new(&user.role), Cell::new(&user.created_by), Cell::new(user.created_at.to_string())]);
    }
    context.out.table(&table, "No user yet. `workaday user add NAME --role operator` adds one; `workaday open` needs none.")?;
    Ok(DONE)
}

fn remove(args: &UserRemove, context: &mut Context) -> Done {
    let users = context.reader()?.users()?;
    if !users.iter().any(|user| user.name == args.name) {
        return Err(Problem::new("user.not_found", format!("there is no user `{}`", text::line(&args.name)))
            .expected("a user that `workaday user list` shows")
            .retry(RetryAdvice::SafeAfterFix, "safe with another name; nothing was changed")
            .meant(&args.name, users.iter().map(|user| user.name.as_str()))
            .into());
    }
    if !args.dry_run {
        let (by, now) = (context.by(&args.by), context.now());
        let mut store = context.writer()?;
        transaction(&mut store, |store| store.remove_user(&args.name, &by, now))?;
    }
    if context.out.json {
        context.out.json(&json!({"name": args.name, "removed": !args.dry_run, "dry_run": args.dry_run}))?;
    } else if args.dry_run {
        context.out.line(text::line(&format!("{} would be removed, and logged out everywhere. Nothing was changed.", args.name)))?;
    } else {
        context.out.line(text::line(&format!("{} is removed and logged out everywhere.", args.name)))?;
    }
    Ok(DONE)
}
