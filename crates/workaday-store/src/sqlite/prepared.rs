//! The canonical statements of one connection, kept prepared and found by number.
//!
//! rusqlite's own cache finds a statement by hashing its text and sorts it in again after each use: 8 % of a claim and a
//! settlement, measured. Here a statement is an index into a list.

use crate::statements::{self, Statement};
use rusqlite::Connection;
use std::cell::RefCell;
use std::rc::Rc;

/// A connection and its prepared statements. The `Rc` is never given away; it only keeps the connection in one place.
pub struct Prepared {
    // Before `connection`, so that statements are finalised before it is closed.
    slots: RefCell<Vec<Option<rusqlite::Statement<'static>>>>,
    connection: Rc<Connection>,
}

// SAFETY: the connection, its only `Rc` and every statement that refers to it are private to this value and move together,
// and `&Prepared` is not shared between threads, since it is not Sync. SQLite allows a connection to change its thread.
unsafe impl Send for Prepared {}

impl Prepared {
    pub fn new(connection: Connection) -> Self {
        let slots = std::iter::repeat_with(|| None).take(statements::ALL.len()).collect();
        Self { slots: RefCell::new(slots), connection: Rc::new(connection) }
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Prepares the statement at its first use, and runs it. It is reset when its rows are dropped, as rusqlite sees to.
    pub fn run<T>(
        &self,
        statement: &Statement,
        run: impl FnOnce(&mut rusqlite::Statement<'static>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let kept = self.slots.borrow_mut()[statement.number].take();
        let mut prepared = match kept {
            Some(prepared) => prepared,
            None => self.prepare(statement)?,
        };
        let answer = run(&mut prepared);
        self.slots.borrow_mut()[statement.number] = Some(prepared);
        answer
    }

    #[cfg(test)]
    pub fn steps(&self) -> i64 {
        self.slots.borrow().iter().flatten().map(|kept| i64::from(kept.get_status(rusqlite::StatementStatus::VmStep))).sum()
    }

    fn prepare(&self, statement: &Statement) -> rusqlite::Result<rusqlite::Statement<'static>> {
        let prepared = self.connection.prepare(statement.sql)?;
        // SAFETY: the statement refers to the connection inside the `Rc`, which stays where it is until this value is
        // dropped; `slots` stands before it and so goes first, and no statement leaves this module but by reference.
        Ok(unsafe { std::mem::transmute::<rusqlite::Statement<'_>, rusqlite::Statement<'static>>(prepared) })
    }
}
