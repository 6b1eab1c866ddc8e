//! Figures by minute and series: added up where they are written, so that many flushes of a minute make one row.

use super::SqliteStore;
use crate::error::Result;
use crate::statements as sql;
use rusqlite::types::Type;
use rusqlite::{Error, Row, params};
use workaday_core::clock::Timestamp;
use workaday_core::measure::{Figures, Histogram, Metric, Series, minute_of};

/// The first column of a histogram, in the order of [`Metric::ALL`]; the statements come after the last.
const HISTOGRAMS: usize = 10;

/// Columns from `count` on, as in `one_measure.sql` and `read/measures.sql`.
pub(super) fn figures(row: &Row<'_>) -> rusqlite::Result<Figures> {
    let mut figures = Figures {
        count: number(row, 4)?,
        errors: number(row, 5)?,
        unexpected: number(row, 6)?,
        refused: number(row, 7)?,
        cache_hits: number(row, 8)?,
        cache_misses: number(row, 9)?,
        ..Figures::default()
    };
    for (metric, column) in Metric::ALL.iter().zip(HISTOGRAMS..) {
        if let Some(bytes) = row.get_ref(column)?.as_blob_or_null()? {
            let histogram = Histogram::decode(bytes).map_err(|error| Error::FromSqlConversionFailure(column, Type::Blob, error.into()))?;
            figures.set(*metric, histogram);
        }
    }
    if let Some(json) = row.get_ref(HISTOGRAMS + Metric::COUNT)?.as_str_or_null()? {
        figures.read_statements(json);
    }
    Ok(figures)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.max(0) as u64)
}

impl SqliteStore {
    pub(super) fn add_to_minute(&self, minute: i64, series: &Series, more: &Figures) -> Result<()> {
        self.link.writing()?;
        let key = params![minute, series.kind.as_str(), series.name, series.release];
        // A row that cannot be read is replaced: measures must never keep a settlement from being written.
        let known = self.link.first(&sql::ONE_MEASURE, key, |row| Ok(figures(row).unwrap_or_default()))?;
        let is_new = known.is_none();
        let mut whole = known.unwrap_or_default();
        whole.merge(more);
        let blob = |metric| Some(whole.of(metric)).filter(|histogram| !histogram.is_empty()).map(Histogram::encode);
        let parameters = params![
            minute,
            series.kind.as_str(),
            series.name,
            series.release,
            whole.count as i64,
            whole.errors as i64,
            whole.unexpected as i64,
            whole.refused as i64,
            whole.cache_hits as i64,
            whole.cache_misses as i64,
            blob(Metric::Run),
            blob(Metric::Wait),
            blob(Metric::Cpu),
            blob(Metric::Memory),
            blob(Metric::DbCalls),
            blob(Metric::DbTime),
            blob(Metric::HttpCalls),
            blob(Metric::HttpTime),
            blob(Metric::ResponseBytes),
            whole.statements_json(),
        ];
        self.link.execute(&sql::PUT_MEASURE, parameters)?;
        if is_new {
            self.link.execute(&sql::SEE_SERIES, params![series.kind.as_str(), series.name, series.release, minute])?;
        }
        Ok(())
    }

    pub(super) fn prune_minutes(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let link = self.link.writing()?;
        let pruned = link.execute(&sql::PRUNE_MEASURES, params![minute_of(before), limit as i64])?;
        if pruned > 0 {
            link.execute(&sql::PRUNE_SERIES, [minute_of(before)])?;
        }
        Ok(pruned)
    }
}
