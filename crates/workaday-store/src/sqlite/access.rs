//! Who may look and act: users, tokens, sessions, one-time links. Only hashes of secrets come this far.
//!
//! Roles are words here; what they allow is the window's business.

use super::SqliteStore;
use super::read::Reader;
use super::rows;
use crate::error::Result;
use crate::statements as sql;
use crate::store::ByHand;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;

/// The SHA-256 of a random secret.
pub type Hash = [u8; 32];

/// Somebody with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    pub name: String,
    /// `viewer`, `operator`, `admin`.
    pub role: String,
    /// A PHC string.
    pub password: String,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// What a program shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    pub name: String,
    pub role: String,
    /// Words with blanks between.
    pub scopes: String,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
}

/// Somebody who came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub who: String,
    /// As of now; `None`: the user was removed.
    pub role: Option<String>,
    pub seen_at: Timestamp,
    pub ends_at: Timestamp,
}

/// Lines of the audit that are looked through for logins, and addresses that are told.
const AUDIT_LOOK: i64 = 50_000;
const ADDRESSES_MAX: i64 = 500;

/// Marks that move with a part of the store, in the order of `changes.sql`.
pub type Marks = [Option<i64>; 15];

impl SqliteStore {
    /// Adds a user, or gives one another role and password; whoever is in with the old ones is out.
    pub fn put_user(&mut self, user: &UserRow, by: &ByHand, now: Timestamp) -> Result<()> {
        let link = self.link.writing()?;
        link.execute(&sql::PUT_USER, params![user.name, user.role, user.password, user.created_by, now.0])?;
        link.execute(&sql::END_SESSIONS_OF, [&user.name])?;
        let detail = serde_json::json!({"role": user.role}).to_string();
        self.audit(by, "add", &format!("user {}", user.name), Some(&detail), now)
    }

    /// `false`: there is no such user.
    pub fn remove_user(&mut self, name: &str, by: &ByHand, now: Timestamp) -> Result<bool> {
        let link = self.link.writing()?;
        let removed = link.execute(&sql::REMOVE_USER, [name])? == 1;
        if removed {
            link.execute(&sql::END_SESSIONS_OF, [name])?;
            self.audit(by, "remove", &format!("user {name}"), None, now)?;
        }
        Ok(removed)
    }

    /// `false`: the name is taken.
    pub fn put_token(&mut self, token: &TokenRow, hash: &Hash, by: &ByHand, now: Timestamp) -> Result<bool> {
        let parameters =
            params![token.name, hash, token.role, token.scopes, token.created_by, now.0, token.expires_at.map(|expires_at| expires_at.0)];
        let stored = self.link.writing()?.execute(&sql::PUT_TOKEN, parameters)? == 1;
        if stored {
            let detail = serde_json::json!({"role": token.role, "scopes": token.scopes}).to_string();
            self.audit(by, "create", &format!("token {}", token.name), Some(&detail), now)?;
        }
        Ok(stored)
    }

    /// `false`: there is no such token.
    pub fn remove_token(&mut self, name: &str, by: &ByHand, now: Timestamp) -> Result<bool> {
        let removed = self.link.writing()?.execute(&sql::REMOVE_TOKEN, [name])? == 1;
        if removed {
            self.audit(by, "revoke", &format!("token {name}"), None, now)?;
        }
        Ok(removed)
    }

    pub fn touch_token(&mut self, hash: &Hash, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::TOUCH_TOKEN, params![now.0, hash]).map(|_| ())
    }

    pub fn put_link(&mut self, hash: &Hash, who: &str, role: &str, ends_at: Timestamp, by: &ByHand, now: Timestamp) -> Result<()> {
        let link = self.link.writing()?;
        link.execute(&sql::PRUNE_LINKS, [now.0])?;
        link.execute(&sql::PUT_LINK, params![hash, who, role, now.0, ends_at.0])?;
        let detail = serde_json::json!({"role": role}).to_string();
        self.audit(by, "open", &format!("user {who}"), Some(&detail), now)
    }

    /// Uses a link up: who it lets in, and as what.
    pub fn take_link(&mut self, hash: &Hash, now: Timestamp) -> Result<Option<(String, String)>> {
        self.link.writing()?.first(&sql::TAKE_LINK, params![hash, now.0], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Lets somebody in. `is_user`: the session ends with the user of this name.
    pub fn put_session(&mut self, hash: &Hash, who: &str, role: &str, is_user: bool, ends_at: Timestamp, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::PUT_SESSION, params![hash, who, role, is_user, now.0, ends_at.0]).map(|_| ())
    }

    pub fn touch_session(&mut self, hash: &Hash, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::TOUCH_SESSION, params![now.0, hash]).map(|_| ())
    }

    /// `false`: it had ended before.
    pub fn end_session(&mut self, hash: &Hash) -> Result<bool> {
        Ok(self.link.writing()?.execute(&sql::END_SESSION, params![hash])? == 1)
    }

    pub fn prune_sessions(&mut self, now: Timestamp, idle_since: Timestamp) -> Result<usize> {
        self.link.writing()?.execute(&sql::PRUNE_SESSIONS, params![now.0, idle_since.0])
    }
}

impl Reader {
    pub fn users(&self) -> Result<Vec<UserRow>> {
        self.link.list(&sql::ALL_USERS, [], user)
    }

    pub fn user(&self, name: &str) -> Result<Option<UserRow>> {
        self.link.first(&sql::ONE_USER, [name], user)
    }

    pub fn tokens(&self) -> Result<Vec<TokenRow>> {
        self.link.list(&sql::ALL_TOKENS, [], token)
    }

    pub fn token(&self, hash: &Hash) -> Result<Option<TokenRow>> {
        self.link.first(&sql::ONE_TOKEN, params![hash], token)
    }

    pub fn session(&self, hash: &Hash) -> Result<Option<SessionRow>> {
        self.link.first(&sql::ONE_SESSION, params![hash], |row| {
            let of_a_user: bool = row.get(2)?;
            Ok(SessionRow {
                who: row.get(0)?,
                role: if of_a_user { row.get(5)? } else { row.get(1)? },
                seen_at: rows::instant(row, 3)?,
                ends_at: rows::instant(row, 4)?,
            })
        })
    }

    /// Whom a link would let in; it is not used up by looking.
    pub fn link(&self, hash: &Hash, now: Timestamp) -> Result<Option<(String, String)>> {
        self.link.first(&sql::ONE_LINK, params![hash, now.0], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Addresses from which somebody came in under this name, as the audit tells it.
    pub fn login_addresses(&self, name: &str, since: Timestamp) -> Result<Vec<String>> {
        let parameters = params![AUDIT_LOOK, since.0, format!("user {name}"), ADDRESSES_MAX];
        let found = self.link.list(&sql::LOGIN_ADDRESSES, parameters, |row| row.get::<_, Option<String>>(0))?;
        Ok(found.into_iter().flatten().collect())
    }

    /// For pages that follow: compare with the last answer.
    pub fn marks(&self) -> Result<Marks> {
        let marks = self.link.first(&sql::CHANGES, [], |row| {
            let mut marks = Marks::default();
            for (index, mark) in marks.iter_mut().enumerate() {
                *mark = row.get(index)?;
            }
            Ok(marks)
        })?;
        Ok(marks.unwrap_or_default())
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow { name: row.get(0)?, role: row.get(1)?, password: row.get(2)?, created_by: row.get(3)?, created_at: rows::instant(row, 4)? })
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        name: row.get(0)?,
        role: row.get(1)?,
        scopes: row.get(2)?,
        created_by: row.get(3)?,
        created_at: rows::instant(row, 4)?,
        expires_at: rows::optional_instant(row, 5)?,
        used_at: rows::optional_instant(row, 6)?,
    })
}
