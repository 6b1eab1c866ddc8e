//! `alert …`: what needs a hand, who was told, and does a receiver take it.

use crate::args::{Alert, AlertClose, AlertDeliveries, AlertList, AlertTest};
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, FAILED};
use crate::render::{Cell, Table, Tone};
use crate::{beside, document, text, words};
use serde_json::{Value, json};
use uuid::Uuid;
use workaday_alerts::address::masked;
use workaday_alerts::deliver::{self, Channel};
use workaday_alerts::notice;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::read::AlertRow;
use workaday_store::{Delivery, NoticeRow, PingRow};

pub fn run(args: &Alert, context: &mut Context) -> Done {
    match args {
        Alert::List(args) => list(args, context),
        Alert::Close(args) => close(args, context),
        Alert::Test(args) => test(args, context),
        Alert::Deliveries(args) => deliveries(args, context),
    }
}

fn list(args: &AlertList, context: &mut Context) -> Done {
    let now = context.now();
    let alerts = context.reader()?.alerts(args.all, None, args.limit as usize)?;
    if context.out.json {
        context.out.json(&alerts.iter().map(shown).collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&[">id", "code", "subject", ">count", "last seen", "what"]);
    for alert in &alerts {
        let tone = if alert.closed_at.is_some() { Tone::Soft } else { Tone::Bad };
        table.row([
            Cell::new(alert.key.to_string()),
            Cell::new(&alert.code).tone(tone),
            Cell::new(&alert.subject),
            Cell::new(words::thousands(alert.count)),
            Cell::new(words::ago(now, alert.last_at)),
            Cell::new(&alert.message),
        ]);
    }
    context.out.table(&table, "Nothing needs you.")?;
    Ok(DONE)
}

fn shown(alert: &AlertRow) -> Value {
    json!({
        "number": alert.key, "code": alert.code, "subject": alert.subject, "message": alert.message, "count": alert.count,
        "first_at": document::instant(alert.first_at), "last_at": document::instant(alert.last_at), "closed_at": document::optional(alert.closed_at),
    })
}

fn close(args: &AlertClose, context: &mut Context) -> Done {
    let (now, by) = (context.now(), context.by(&args.by));
    let mut store = context.writer()?;
    let closed = transaction(&mut store, |store| {
        let mut closed = vec![];
        for number in &args.numbers {
            if store.close_alert_by_hand(*number, &by, now)? {
                closed.push(*number);
            }
        }
        Ok(closed)
    })?;
    beside::wake(&context.database()?);
    if let Some(missing) = args.numbers.iter().find(|number| !closed.contains(number)) {
        return Err(Problem::new("alert.not_found", format!("there is no open alert {missing}"))
            .expected("a number that `workaday alert list` shows")
            .got(format!("{} of {} closed", closed.len(), args.numbers.len()))
            .retry(RetryAdvice::Never, if closed.is_empty() { "nothing was changed" } else { "the others were closed" })
            .into());
    }
    if context.out.json {
        context.out.json(&json!({"closed": closed}))?;
    } else {
        context.out.line(format!("{} closed. The next of its kind opens a new one.", words::count(closed.len(), "alert")))?;
    }
    Ok(DONE)
}

/// Sends now, by this process: it says at once whether address, secret and mail server are right.
fn test(args: &AlertTest, context: &mut Context) -> Done {
    let alerts = workaday_config::alerts::stated(context.settings()?);
    let Some(route) = alerts.routes.iter().find(|route| route.name == args.name) else {
        return Err(unknown(&args.name, alerts.routes.iter().map(|route| route.name.as_str())).into());
    };
    let mut answers = vec![];
    for channel in Channel::of(route) {
        let body = notice::test(&alerts, Uuid::now_v7(), &route.name, context.now()).to_string();
        answers.push((channel, deliver::send(&alerts, route, channel, &body, context.now())));
    }
    if context.out.json {
        let shown = |(channel, answer): &(Channel, Result<String, String>)| json!({"channel": channel.as_str(), "sent": answer.is_ok(), "answer": answer.as_ref().unwrap_or_else(|error| error)});
        context.out.json(&json!({"route": route.name, "deliveries": answers.iter().map(shown).collect::<Vec<_>>()}))?;
    }
    let mut code = DONE;
    for (channel, answer) in &answers {
        match answer {
            Ok(answer) if !context.out.json => {
                context.out.line(text::line(&format!("✓ {} of {}: {answer}", channel.as_str(), route.name)))?
            }
            Ok(_) => {}
            Err(error) if !context.out.json => {
                let problem =
                    Problem::new("alert.not_sent", format!("the test did not reach {} of [alerts.{}]", channel.as_str(), route.name))
                        .expected("an answer of 200 to 299, or a mail server that takes the message")
                        .got(error.clone())
                        .retry(RetryAdvice::SafeAfterFix, "safe once that is mended; a test changes nothing");
                context.out.line(text::block(&problem.to_string()))?;
                code = FAILED;
            }
            Err(_) => code = FAILED,
        }
    }
    Ok(code)
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Problem {
    let listed: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    let expected = if listed.is_empty() {
        "[alerts.NAME] with a `webhook` or an `email` in workaday.toml".into()
    } else {
        format!("one of {}", listed.join(", "))
    };
    let problem = Problem::new("alert.unknown", format!("workaday.toml has no [alerts.{name}]"))
        .expected(expected)
        .retry(RetryAdvice::SafeAfterFix, "safe once the name is right; nothing was sent");
    problem.meant(name, known)
}

fn deliveries(args: &AlertDeliveries, context: &mut Context) -> Done {
    let (now, reader) = (context.now(), context.reader()?);
    let notices = reader.notices(args.failing, None, args.limit as usize)?;
    let pings = reader.pings(args.failing, None, args.limit as usize)?;
    if context.out.json {
        context.out.json(&json!({
            "notices": notices.iter().map(notice_shown).collect::<Vec<_>>(), "pings": pings.iter().map(ping_shown).collect::<Vec<_>>(),
        }))?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["to", "what", "of", ">tries", "state", "when", "last error"]);
    let state = |state: Delivery| match state {
        Delivery::Sent => Cell::new("✓ sent").tone(Tone::Good),
        Delivery::Waiting => Cell::new("◷ waiting").tone(Tone::Wait),
        Delivery::Failed => Cell::new("✕ failed").tone(Tone::Bad),
        Delivery::Dropped => Cell::new("⊘ dropped").tone(Tone::Soft),
    };
    for row in &notices {
        let times = if row.count > 1 { format!(" ({} times)", words::thousands(row.count)) } else { String::new() };
        table.row([
            Cell::new(&row.route),
            Cell::new(format!("{} {}{times}", notice::words(row.kind), row.code)),
            Cell::new(&row.matter),
            Cell::new(row.tries.to_string()),
            state(row.state),
            Cell::new(words::ago(now, row.ended_at.unwrap_or(row.next_at))),
            Cell::new(row.last_error.as_deref().unwrap_or("-")),
        ]);
    }
    for row in &pings {
        table.row([
            Cell::new(masked(&row.url)),
            Cell::new(format!("ping {}", row.kind)),
            Cell::new(&row.name),
            Cell::new(row.tries.to_string()),
            state(row.state),
            Cell::new(words::ago(now, row.ended_at.unwrap_or(row.next_at))),
            Cell::new(row.last_error.as_deref().unwrap_or("-")),
        ]);
    }
    context.out.table(
        &table,
        if args.failing { "Everything arrived." } else { "Nothing was sent yet. [alerts.NAME] in workaday.toml names a receiver." },
    )?;
    Ok(DONE)
}

fn notice_shown(row: &NoticeRow) -> Value {
    json!({
        "id": row.id, "route": row.route, "kind": row.kind, "code": row.code, "subject": row.matter, "alert": row.alert, "count": row.count,
        "state": row.state, "tries": row.tries, "next_at": document::instant(row.next_at), "last_error": row.last_error,
        "created_at": document::instant(row.created_at), "ended_at": document::optional(row.ended_at), "body": row.body.as_deref().map(document::stored),
    })
}

fn ping_shown(row: &PingRow) -> Value {
    json!({
        "name": row.name, "to": masked(&row.url), "kind": row.kind, "job_id": row.job_id, "at": document::instant(row.at), "state": row.state,
        "tries": row.tries, "next_at": document::instant(row.next_at), "last_error": row.last_error, "ended_at": document::optional(row.ended_at),
    })
}
