//! The courier of alerts.
//!
//! Purpose: each alert that a route asks for reaches its receiver at least once, and not more often than people can bear.
//! What it will not do: hold up a job, follow a redirect, reach an inner address, or give up silently.
//! Options: `[alerts]` and `[alerts.NAME]` of workaday.toml, read again at SIGHUP. Off: no `[alerts.NAME]`.
//! Killed midway: a notice that was sent and not yet marked is sent again, with the same id.

use crate::deliver::{self, Channel};
use crate::live::Live;
use crate::notice;
use crate::watch::Watch;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;
use workaday_config::alerts::{Alerts, Route};
use workaday_core::clock::{Clock, Length, SystemClock, Timestamp};
use workaday_store::{
    AlertNews, Delivery, Durability, Gathered, NoticeKind, NoticeRow, OpenOptions, Reader, SqliteStore, Store, StoreError, open_reader,
};

/// Alerts taken in, and notices sent, in one round.
const ROUND: usize = 50;
/// A look for news at least this often: what this thread raises itself wakes nobody.
const LOOK: Duration = Duration::from_millis(500);
/// The waits between tries; after the last one a notice is given up. 16 hours in all.
const WAITS: [Length; 10] = [
    Length::seconds(10),
    Length::seconds(30),
    Length::minutes(1),
    Length::minutes(5),
    Length::minutes(15),
    Length::minutes(30),
    Length::hours(1),
    Length::hours(2),
    Length::hours(4),
    Length::hours(8),
];
/// What was sent is kept for people to look up.
const KEEP: Length = Length::days(14);
const PRUNE_EVERY: Length = Length::hours(1);
const UNDELIVERED: &str = "alert.undelivered";

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub taken: usize,
    pub sent: usize,
    pub failed: usize,
    /// There may be more to do at once.
    pub more: bool,
}

pub struct Courier {
    store: SqliteStore,
    reader: Reader,
    live: Live,
    watch: Watch,
    /// Receivers that failed, and until when they are left alone: one that is dead must not hold up the others.
    resting: BTreeMap<String, Timestamp>,
    prune_at: Timestamp,
}

/// Runs until `stop` says so; it waits at most as long as it is told.
pub fn run(database: &Path, live: &Live, stop: &dyn Fn(Duration) -> bool) -> Result<(), String> {
    let mut courier = Courier::open(database, live.clone()).map_err(|error| error.to_string())?;
    let mut at_once = true;
    while !stop(if at_once { Duration::ZERO } else { LOOK }) {
        let report = courier.run_once(SystemClock.now()).map_err(|error| error.to_string())?;
        at_once = report.more;
    }
    Ok(())
}

impl Courier {
    pub fn open(database: &Path, live: Live) -> Result<Courier, StoreError> {
        let options = OpenOptions { create: false, cache_kib: 512, ..OpenOptions::default() };
        let store = SqliteStore::open(database, options)?;
        let (reader, watch) = (open_reader(database)?, Watch::new(store.path()));
        Ok(Courier { store, reader, live, watch, resting: BTreeMap::new(), prune_at: Timestamp(0) })
    }

    /// Watches, takes news in, sends what is due.
    pub fn run_once(&mut self, now: Timestamp) -> Result<Report, StoreError> {
        let alerts = self.live.get();
        self.watch.run_once(&mut self.store, &self.reader, &alerts, now)?;
        let mut report = Report { taken: self.take_in(&alerts, now)?, ..Report::default() };
        for notice in self.store.due_notices(now, ROUND)? {
            self.deliver(&alerts, &notice, now, &mut report)?;
        }
        report.more = report.taken == ROUND;
        self.prune(now)?;
        Ok(report)
    }

    /// Takes alerts that changed into notices, in one transaction: each count is told once.
    fn take_in(&mut self, alerts: &Alerts, now: Timestamp) -> Result<usize, StoreError> {
        let news = self.store.alert_news(ROUND)?;
        if news.is_empty() {
            return Ok(0);
        }
        let matters = news.iter().map(|one| Ok(notice::about(&self.reader, &one.alert)?.matter)).collect::<Result<Vec<_>, StoreError>>()?;
        in_transaction(&mut self.store, Durability::Full, |store| {
            for (one, matter) in news.iter().zip(&matters) {
                for route in alerts.routes.iter().filter(|route| route.wants(&one.alert.code)) {
                    for channel in Channel::of(route) {
                        gather(store, route, channel, one, matter, now)?;
                    }
                }
                store.alert_told(one.alert.key)?;
            }
            Ok(())
        })?;
        Ok(news.len())
    }

    fn deliver(&mut self, alerts: &Alerts, notice: &NoticeRow, now: Timestamp, report: &mut Report) -> Result<(), StoreError> {
        let Some((route, channel)) = deliver::find(alerts, &notice.route) else {
            return self.end(notice, Delivery::Dropped, false, Some("workaday.toml has no such [alerts.NAME] any more"), now);
        };
        if self.resting.get(&notice.route).is_some_and(|until| now < *until) {
            return Ok(());
        }
        if let Some(until) = self.over_rate(route, &notice.route, now)? {
            self.resting.insert(notice.route.clone(), until);
            return in_transaction(&mut self.store, Durability::Lazy, |store| store.delay_notice(notice.key, false, None, until));
        }
        let body = self.frozen(alerts, notice)?;
        match deliver::send(alerts, route, channel, &body, now) {
            Ok(answer) => {
                report.sent += 1;
                tracing::info!(
                    route = notice.route,
                    code = notice.code,
                    "{} {} for {} went to {}: {answer}",
                    notice::words(notice.kind),
                    notice.code,
                    notice.matter,
                    notice.route
                );
                self.arrived(notice, SystemClock.now().max(now))
            }
            Err(error) => {
                report.failed += 1;
                self.failed(notice, &error, now)
            }
        }
    }

    /// The body is written down before the first try: each try then says the same under the same id.
    fn frozen(&mut self, alerts: &Alerts, notice: &NoticeRow) -> Result<String, StoreError> {
        if let Some(body) = &notice.body {
            return Ok(body.clone());
        }
        let alert = self.store.one_alert(notice.alert)?;
        let body = notice::body(&self.reader, alerts, notice, alert.as_ref())?.to_string();
        in_transaction(&mut self.store, Durability::Full, |store| store.freeze_notice(notice.key, &body))?;
        Ok(body)
    }

    fn arrived(&mut self, notice: &NoticeRow, now: Timestamp) -> Result<(), StoreError> {
        self.resting.remove(&notice.route);
        in_transaction(&mut self.store, Durability::Full, |store| {
            store.end_notice(notice.key, Delivery::Sent, true, None, now)?;
            store.close_alert(UNDELIVERED, &notice.route, now)
        })
    }

    fn failed(&mut self, notice: &NoticeRow, error: &str, now: Timestamp) -> Result<(), StoreError> {
        let Some(wait) = WAITS.get(notice.tries as usize) else {
            tracing::error!(
                route = notice.route,
                code = notice.code,
                "the notice of {} to {} is given up after {} tries: {error}",
                notice.matter,
                notice.route,
                notice.tries + 1
            );
            return in_transaction(&mut self.store, Durability::Full, |store| {
                store.end_notice(notice.key, Delivery::Failed, true, Some(error), now)?;
                workaday_core::reached::note(UNDELIVERED);
                store.raise_alert(
                    UNDELIVERED,
                    &notice.route,
                    &format!("a notice to {} was given up after {} tries: {error}", notice.route, notice.tries + 1),
                    now,
                )
            });
        };
        let next_at = now + *wait;
        tracing::warn!(
            route = notice.route,
            tries = notice.tries + 1,
            "the notice of {} did not reach {}, the next try is at {next_at}: {error}",
            notice.matter,
            notice.route
        );
        self.resting.insert(notice.route.clone(), next_at);
        in_transaction(&mut self.store, Durability::Full, |store| store.delay_notice(notice.key, true, Some(error), next_at))
    }

    fn end(&mut self, notice: &NoticeRow, state: Delivery, tried: bool, error: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
        in_transaction(&mut self.store, Durability::Lazy, |store| store.end_notice(notice.key, state, tried, error, now))
    }

    /// Until when a route has sent enough; what waits goes on gathering.
    fn over_rate(&self, route: &Route, name: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let (sent, first_at) = self.store.sent_since(name, now - route.rate.per)?;
        Ok(first_at.filter(|_| sent >= i64::from(route.rate.count)).map(|first_at| first_at + route.rate.per))
    }

    fn prune(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if now < self.prune_at {
            return Ok(());
        }
        self.prune_at = now + PRUNE_EVERY;
        in_transaction(&mut self.store, Durability::Lazy, |store| store.prune_notices(now - KEEP, 10_000).map(drop))
    }
}

/// One alert for one receiver: into the notice that gathers, or an all-clear in its place.
fn gather(store: &SqliteStore, route: &Route, channel: Channel, news: &AlertNews, matter: &str, now: Timestamp) -> Result<(), StoreError> {
    let (alert, name) = (&news.alert, deliver::name(route, channel));
    if alert.code == UNDELIVERED && alert.subject == name {
        return Ok(()); // it cannot be told that nothing reaches it
    }
    let last = store.last_notice(&name, &alert.code, matter)?;
    let gathered = |kind, count, first_at, next_at| Gathered {
        id: Uuid::now_v7(),
        route: &name,
        kind,
        code: &alert.code,
        matter,
        alert: alert.key,
        count,
        first_at,
        last_at: alert.last_at,
        next_at,
    };
    if alert.closed_at.is_some() && matches!(last, Some((NoticeKind::Raised, _))) {
        store.drop_gathering(&name, &alert.code, matter, now)?;
        return if route.all_clear {
            store.gather_notice(&gathered(NoticeKind::Closed, alert.count, alert.first_at, now), now)
        } else {
            Ok(())
        };
    }
    let fresh = alert.count - news.told;
    if fresh <= 0 {
        return Ok(());
    }
    let next_at = match last {
        Some((NoticeKind::Raised, at)) => (now + route.group).max(at + route.repeat_after),
        _ => now + route.group,
    };
    let first_at = if news.told == 0 { alert.first_at } else { alert.last_at };
    store.gather_notice(&gathered(NoticeKind::Raised, fresh, first_at, next_at), now)
}

/// One transaction around `act`; an error leaves nothing behind.
pub(crate) fn in_transaction<T>(
    store: &mut SqliteStore,
    durability: Durability,
    act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    store.begin(durability)?;
    match act(store) {
        Ok(value) => store.commit().map(|()| value),
        Err(error) => {
            store.rollback();
            Err(error)
        }
    }
}
