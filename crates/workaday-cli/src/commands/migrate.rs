//! `migrate`: brings the store to this version's schema, or back; a backup comes first.

use super::confirm::confirm;
use crate::args::Migrate;
use crate::beside;
use crate::context::Context;
use crate::failure::{DONE, Done, FAILED};
use crate::progress::waited_for;
use crate::text;
use serde_json::json;
use std::path::Path;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::migrate::NEWEST;
use workaday_store::sqlite::schema::{SchemaState, inspect, move_to};

pub fn run(args: &Migrate, context: &mut Context) -> Done {
    let database = context.database()?;
    let found = if database.exists() { inspect(&database)? } else { SchemaState::default() };
    if args.check {
        return check(&found, &database, context);
    }
    let target = args.down_to.unwrap_or(NEWEST);
    if target > NEWEST {
        return Err(Problem::new("migrate.unknown_number", format!("there is no schema {target}"))
            .expected(format!("a number from 0 to {NEWEST}"))
            .retry(RetryAdvice::SafeAfterFix, "safe with another number; nothing was changed")
            .into());
    }
    if found.number == target && found.differences.is_empty() {
        return report(context, found.number, target, None, "is at");
    }
    if args.dry_run {
        return report(context, found.number, target, None, "would go from");
    }
    if target < found.number {
        refuse_while_up(&database)?;
        let what = format!("Undo migrations of {} down to schema {target}: what they added is lost, a backup is kept", database.display());
        if let Some(code) = confirm(&what, args.yes)? {
            return Ok(code);
        }
    }
    let done = waited_for("Migrating the store, a backup first …", context.out.json, || move_to(&database, target))?;
    report(context, done.from, done.to, done.backup.as_deref(), "went from")
}

fn check(found: &SchemaState, database: &Path, context: &mut Context) -> Done {
    let is_current = found.number == NEWEST && found.differences.is_empty();
    if context.out.json {
        context.out.json(&json!({"schema": found.number, "newest": NEWEST, "current": is_current, "differences": found.differences}))?;
    } else if is_current {
        context.out.line(format!("The store is at schema {NEWEST}, the newest this version knows."))?;
    } else if found.number == 0 {
        // A file of an app without our tables, or none at all: there is no schema to speak of.
        let place = text::line(&database.display().to_string()).into_owned();
        context
            .out
            .line(format!("There is no store at {place} yet. `workaday migrate` makes one, as do `workaday up` and the first enqueue."))?;
    } else {
        context.out.line(format!(
            "The store is at schema {}, this version's is {NEWEST}. `workaday migrate` brings it there, with a backup.",
            found.number
        ))?;
        for difference in &found.differences {
            context.out.line(format!("  {}", text::line(difference)))?;
        }
    }
    Ok(if is_current { DONE } else { FAILED })
}

fn report(context: &mut Context, from: u32, to: u32, backup: Option<&Path>, verb: &str) -> Done {
    if context.out.json {
        context.out.json(&json!({"from": from, "to": to, "backup": backup, "changed": verb == "went from"}))?;
        return Ok(DONE);
    }
    match from == to {
        true => context.out.line(format!("The store is at schema {to}; there is nothing to do."))?,
        false if from == 0 => {
            let was = if verb == "went from" { "was" } else { "would be" };
            context.out.line(format!("A new store {was} made, at schema {to}."))?;
        }
        false => context.out.line(format!("The store {verb} schema {from} to {to}."))?,
    }
    if let Some(backup) = backup {
        context.out.line(format!("The state before is kept in {}.", text::line(&backup.display().to_string())))?;
    }
    Ok(DONE)
}

/// Undoing takes tables away under a running supervisor's feet; bringing up to date is what it does itself at its start.
fn refuse_while_up(database: &Path) -> Result<(), Problem> {
    let Some(supervisor) = beside::supervisor(database) else { return Ok(()) };
    Err(Problem::new("migrate.refused", format!("a supervisor serves `{}`: {}", database.display(), supervisor.text))
        .expected("no supervisor while migrations are undone")
        .retry(RetryAdvice::SafeAfterFix, "safe after it has been stopped (SIGTERM drains it); nothing was changed"))
}
