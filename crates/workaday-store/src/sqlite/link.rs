//! One connection with the name of its file: runs canonical statements, and says failures in the store's words.

use super::failure;
use super::prepared::Prepared;
use crate::error::{Result, StoreError};
use crate::statements::Statement;
use rusqlite::{Connection, Params, Row};
use workaday_core::explain::Problem;

/// A connection, and the path for its messages.
pub struct Link {
    prepared: Prepared,
    pub path: String,
}

impl Link {
    pub fn new(connection: Connection, path: String) -> Self {
        Self { prepared: Prepared::new(connection), path }
    }

    pub fn connection(&self) -> &Connection {
        self.prepared.connection()
    }

    /// Another connection to the same file, after this one failed.
    pub fn replace(&mut self, connection: Connection) {
        self.prepared = Prepared::new(connection);
    }

    pub fn fail(&self, error: rusqlite::Error) -> StoreError {
        failure::explain(&self.path, error)
    }

    /// Runs a statement that answers no rows; returns how many rows it changed.
    pub fn execute(&self, statement: &Statement, parameters: impl Params) -> Result<usize> {
        self.try_execute(statement, parameters).map_err(|error| self.fail(error))
    }

    /// The same, with SQLite's own answer, for a caller that knows what a refusal means.
    pub fn try_execute(&self, statement: &Statement, parameters: impl Params) -> rusqlite::Result<usize> {
        self.prepared.run(statement, |prepared| prepared.execute(parameters))
    }

    /// Runs a statement that answers at most one row.
    pub fn first<T>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let answer = self.prepared.run(statement, |prepared| {
            let mut rows = prepared.query(parameters)?;
            let value = rows.next()?.map(read).transpose()?;
            // A statement that changes rows is not done until it says so.
            while rows.next()?.is_some() {}
            Ok(value)
        });
        answer.map_err(|error| self.fail(error))
    }

    /// Runs a statement and reads every row of its answer; the statement bounds how many.
    pub fn list<T>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = self.prepared.run(statement, |prepared| prepared.query_map(parameters, read)?.collect());
        rows.map_err(|error| self.fail(error))
    }

    /// Runs a statement and reads as much of its answer as the caller wants.
    pub fn read<T>(&self, statement: &Statement, read: impl FnOnce(&mut rusqlite::Statement<'static>) -> rusqlite::Result<T>) -> Result<T> {
        self.prepared.run(statement, read).map_err(|error| self.fail(error))
    }

    /// Steps that all statements of this connection have taken: what a look costs, whatever the machine does beside it.
    #[cfg(test)]
    pub fn steps(&self) -> i64 {
        self.prepared.steps()
    }

    /// Is a transaction of ours open? Every write asks: outside one, each statement would commit on its own.
    pub fn in_transaction(&self) -> bool {
        !self.connection().is_autocommit()
    }

    /// Refuses a write outside `begin` … `commit`, also after SQLite rolled the transaction back by itself.
    pub fn writing(&self) -> Result<&Self> {
        if self.in_transaction() {
            return Ok(self);
        }
        Err(Problem::new("store.no_transaction", format!("a write to the store `{}` came outside a transaction", self.path))
            .expected("begin before the first write; after an error, rollback and begin again")
            .into())
    }
}
