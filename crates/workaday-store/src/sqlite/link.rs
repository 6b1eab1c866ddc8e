//! One connection with the name of its file: runs canonical statements, and says failures in the store's words.

use super::failure;
use crate::error::{Result, StoreError};
use crate::statements::Statement;
use rusqlite::{Connection, Params, Row};
use workaday_core::explain::Problem;

/// A connection, and the path for its messages.
pub struct Link {
    pub connection: Connection,
    pub path: String,
}

impl Link {
    pub fn fail(&self, error: rusqlite::Error) -> StoreError {
        failure::explain(&self.path, error)
    }

    /// Runs a statement that answers no rows; returns how many rows it changed.
    pub fn execute(&self, statement: &Statement, parameters: impl Params) -> Result<usize> {
        self.connection
            .prepare_cached(statement.sql)
            .and_then(|mut prepared| prepared.execute(parameters))
            .map_err(|error| self.fail(error))
    }

    /// Runs a statement that answers at most one row.
    pub fn first<T>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut prepared = self.connection.prepare_cached(statement.sql).map_err(|error| self.fail(error))?;
        let answer = (|| {
            let mut rows = prepared.query(parameters)?;
            let value = rows.next()?.map(read).transpose()?;
            // A statement that changes rows is not done until it says so.
            while rows.next()?.is_some() {}
            Ok(value)
        })();
        answer.map_err(|error| self.fail(error))
    }

    /// Runs a statement and reads every row of its answer; the statement bounds how many.
    pub fn list<T>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows: rusqlite::Result<Vec<T>> = (|| self.connection.prepare_cached(statement.sql)?.query_map(parameters, read)?.collect())();
        rows.map_err(|error| self.fail(error))
    }

    /// Is a transaction of ours open? Every write asks: outside one, each statement would commit on its own.
    pub fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
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
