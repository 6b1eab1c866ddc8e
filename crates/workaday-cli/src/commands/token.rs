//! `token …`: what programs show to use the HTTP API.

use crate::args::{Token, TokenCreate, TokenRevoke};
use crate::context::{Context, length, transaction};
use crate::failure::{DONE, Done};
use crate::render::{Cell, Table};
use crate::{document, text};
use serde_json::json;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::access::TokenRow;
use workaday_web::secrets;

pub fn run(args: &Token, context: &mut Context) -> Done {
    match args {
        Token::Create(args) => create(args, context),
        Token::List => list(context),
        Token::Revoke(args) => revoke(args, context),
    }
}

fn create(args: &TokenCreate, context: &mut Context) -> Done {
    super::user::check_name(&args.name)?;
    let (by, now) = (context.by(&args.by), context.now());
    let expires_at = args.expires.as_deref().map(|text| length(text, "--expires")).transpose()?.map(|length| now + length);
    let secret = format!("{}{}", secrets::TOKEN_PREFIX, secrets::random()?);
    let scopes = if args.scopes.is_empty() { "all".to_owned() } else { args.scopes.join(" ") };
    let row = TokenRow {
        name: args.name.clone(),
        role: args.role.clone(),
        scopes,
        created_by: by.who.clone(),
        created_at: now,
        expires_at,
        used_at: None,
    };
    let mut store = context.writer()?;
    if !transaction(&mut store, |store| store.put_token(&row, &secrets::hash(&secret), &by, now))? {
        return Err(Problem::new("token.exists", format!("there is a token `{}` already", row.name))
            .expected("a name of its own for each token")
            .retry(RetryAdvice::SafeAfterFix, "safe with another name, or after `workaday token revoke`; nothing was changed")
            .into());
    }
    if context.out.json {
        context.out.json(&json!({"name": row.name, "token": secret, "role": row.role, "scopes": row.scopes, "expires_at": document::optional(expires_at)}))?;
        return Ok(DONE);
    }
    context.out.line(&secret)?;
    context.out.line(text::line(&format!("Keep it now: only its hash is stored. It opens as {} ({}).", row.role, row.scopes)))?;
    Ok(DONE)
}

fn list(context: &mut Context) -> Done {
    let tokens = context.reader()?.tokens()?;
    if context.out.json {
        let one = |token: &TokenRow| {
            json!({
                "name": token.name, "role": token.role, "scopes": token.scopes, "created_by": token.created_by,
                "created_at": document::instant(token.created_at), "expires_at": document::optional(token.expires_at),
                "used_at": document::optional(token.used_at),
            })
        };
        context.out.json(&tokens.iter().map(one).collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["name", "role", "scopes", "made by", "expires", "last used"]);
    for token in &tokens {
        let or = |at: Option<workaday_core::clock::Timestamp>, else_: &str| at.map_or_else(|| else_.to_owned(), |at| at.to_string());
        table.row([
            Cell::new(&token.name),
            Cell::new(&token.role),
            Cell::new(&token.scopes),
            Cell::new(&token.created_by),
            Cell::new(or(token.expires_at, "never")),
            Cell::new(or(token.used_at, "not yet")),
        ]);
    }
    context.out.table(&table, "No token yet. `workaday token create NAME` makes one.")?;
    Ok(DONE)
}

fn revoke(args: &TokenRevoke, context: &mut Context) -> Done {
    let tokens = context.reader()?.tokens()?;
    if !tokens.iter().any(|token| token.name == args.name) {
        return Err(Problem::new("token.not_found", format!("there is no token `{}`", text::line(&args.name)))
            .expected("a token that `workaday token list` shows")
            .retry(RetryAdvice::SafeAfterFix, "safe with another name; nothing was changed")
            .meant(&args.name, tokens.iter().map(|token| token.name.as_str()))
            .into());
    }
    if !args.dry_run {
        let (by, now) = (context.by(&args.by), context.now());
        let mut store = context.writer()?;
        transaction(&mut store, |store| store.remove_token(&args.name, &by, now))?;
    }
    if context.out.json {
        context.out.json(&json!({"name": args.name, "revoked": !args.dry_run, "dry_run": args.dry_run}))?;
    } else if args.dry_run {
        context.out.line(text::line(&format!("Token {} would be revoked. Nothing was changed.", args.name)))?;
    } else {
        context.out.line(text::line(&format!("Token {} is revoked.", args.name)))?;
    }
    Ok(DONE)
}
