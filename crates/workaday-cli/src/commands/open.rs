//! `open`: a one-time login link. Whoever may write the store may come in; nobody else can make one.

use crate::args::{By, Open};
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done};
use crate::{beside, document, text};
use serde_json::json;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_web::login::LINK_LASTS;
use workaday_web::{listen, secrets};

pub fn run(args: &Open, context: &mut Context) -> Done {
    let database = context.existing()?;
    let url = match listen::url(&database) {
        Some(url) if beside::supervisor(&database).is_some() => url,
        _ => return Err(closed().into()),
    };
    let by = context.by(&By { reason: None, owner: args.owner.clone() });
    let (secret, now) = (secrets::random()?, context.now());
    let ends = now + LINK_LASTS;
    let mut store = context.writer()?;
    transaction(&mut store, |store| store.put_link(&secrets::hash(&secret), &by.who, &args.role, ends, &by, now))?;
    let link = format!("{url}/login?once={secret}");
    if context.out.json {
        context.out.json(&json!({"url": link, "role": args.role, "who": by.who, "until": document::instant(ends)}))?;
        return Ok(DONE);
    }
    context.out.line(&link)?;
    context.out.line(text::line(&format!("Opens once, within five minutes, as {} ({}).", by.who, args.role)))?;
    Ok(DONE)
}

fn closed() -> Problem {
    Problem::new("web.not_running", "the dashboard of this store is not served now")
        .expected("`workaday up` with `web.enabled`, on this machine")
        .retry(RetryAdvice::SafeAfterFix, "safe once it runs; nothing was changed")
        .hint("`workaday up` starts it; its log says when the port could not be taken")
}
