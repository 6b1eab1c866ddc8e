//! What was measured, minute by minute and series by series.

use super::super::{measures, rows};
use super::Reader;
use super::types::{MeasureFilter, MinuteRow, SeriesRow};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use std::collections::BTreeMap;
use workaday_core::clock::Timestamp;
use workaday_core::measure::{Figures, MINUTE_US, Series, SeriesKind, minute_of};

fn minute(row: &Row<'_>) -> rusqlite::Result<MinuteRow> {
    Ok(MinuteRow {
        minute: instant(row.get(0)?),
        series: Series { kind: rows::word(row, 1)?, name: row.get(2)?, release: row.get(3)? },
        figures: measures::figures(row)?,
    })
}

fn instant(minute: i64) -> Timestamp {
    Timestamp(minute.saturating_mul(MINUTE_US))
}

/// Whole minutes: one that has begun before `from` is left out, one that has begun before `to` is in.
fn bounds(from: Option<Timestamp>, to: Option<Timestamp>) -> (i64, i64) {
    let up = |at: Timestamp| minute_of(Timestamp(at.0.saturating_add(MINUTE_US - 1)));
    (from.map_or(i64::MIN, up), to.map_or(i64::MAX, up))
}

impl Reader {
    /// How many minutes of measures, and how many lines of jobs, are older than these.
    pub fn past_retention(&self, measures_before: Timestamp, lines_before: Timestamp) -> Result<(usize, usize)> {
        let counts = self.link.first(&sql::PAST_RETENTION, params![minute_of(measures_before), lines_before.0], |row| {
            Ok((row.get::<_, i64>(0)? as usize, row.get::<_, i64>(1)? as usize))
        })?;
        Ok(counts.unwrap_or_default())
    }

    /// Every minute that the filter asks for, the oldest first.
    ///
    /// Not bounded: a month of a busy service is a million rows. Name a span, or use [`Reader::each_measure`].
    pub fn measures(&self, filter: &MeasureFilter) -> Result<Vec<MinuteRow>> {
        let mut found = Vec::new();
        self.each_measure(filter, |row| found.push(row))?;
        Ok(found)
    }

    /// The same, row by row, so that only one is in memory.
    pub fn each_measure(&self, filter: &MeasureFilter, mut each: impl FnMut(MinuteRow)) -> Result<()> {
        let (from, to) = bounds(filter.from, filter.to);
        let kind = filter.kind.map(SeriesKind::as_str);
        let take = |row: &Row<'_>| minute(row).map(&mut each);
        let read = match (&filter.name, kind) {
            (Some(name), Some(kind)) => self.link.list(&sql::MEASURES_OF, params![kind, name, from, to, filter.release], take),
            (name, kind) => self.link.list(&sql::MEASURES, params![from, to, kind, name, filter.release], take),
        };
        read.map(|_: Vec<()>| ()) // a Vec of nothing takes no room
    }

    /// All minutes of the filter added up, one entry a series.
    pub fn measured(&self, filter: &MeasureFilter) -> Result<BTreeMap<Series, Figures>> {
        let mut sums: BTreeMap<Series, Figures> = BTreeMap::new();
        self.each_measure(filter, |row| match sums.get_mut(&row.series) {
            Some(figures) => figures.merge(&row.figures),
            None => drop(sums.insert(row.series, row.figures)),
        })?;
        Ok(sums)
    }

    /// Which series there are, and from which minute to which. Names and releases come from here.
    pub fn series(&self, kind: Option<SeriesKind>, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Vec<SeriesRow>> {
        let (from, to) = bounds(from, to);
        self.link.list(&sql::SERIES, params![from, to, kind.map(SeriesKind::as_str)], |row| {
            Ok(SeriesRow {
                series: Series { kind: rows::word(row, 0)?, name: row.get(1)?, release: row.get(2)? },
                first_minute: instant(row.get(3)?),
                last_minute: instant(row.get(4)?),
            })
        })
    }

    /// Names that have measures, in order.
    pub fn measured_names(&self, kind: Option<SeriesKind>) -> Result<Vec<(SeriesKind, String)>> {
        let mut names: Vec<_> = self.series(kind, None, None)?.into_iter().map(|row| (row.series.kind, row.series.name)).collect();
        names.dedup();
        Ok(names)
    }

    /// Releases that were measured: (release, first minute, last minute), the earliest first.
    pub fn measured_releases(&self) -> Result<Vec<(String, Timestamp, Timestamp)>> {
        let mut seen: BTreeMap<String, (Timestamp, Timestamp)> = BTreeMap::new();
        for row in self.series(None, None, None)? {
            let span = seen.entry(row.series.release).or_insert((row.first_minute, row.last_minute));
            *span = (span.0.min(row.first_minute), span.1.max(row.last_minute));
        }
        let mut releases: Vec<_> = seen.into_iter().map(|(release, (first, last))| (release, first, last)).collect();
        releases.sort_by_key(|(_, first, last)| (*first, *last));
        Ok(releases)
    }
}
