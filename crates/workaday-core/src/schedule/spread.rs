//! Keeps schedules apart: a delay that is random between schedules and always the same for one.

use crate::job::JobId;
use jiff::{SignedDuration, Timestamp};

/// The delay of every tick of a schedule: the same one each time, so its rhythm stays even.
///
/// It is at least zero, less than `window`, and less than `until_next`, so a tick never passes the next one. It
/// depends on the arguments only: a restart does not roll it anew, and neither may a release. The tick keeps its
/// nominal instant as its identity.
pub fn spread(schedule_id: &str, window: SignedDuration, until_next: SignedDuration) -> SignedDuration {
    within(mix(fnv(FNV_START, schedule_id.as_bytes())), window, until_next)
}

/// The delay of one tick of a schedule: another one for each tick.
pub fn jitter(schedule_id: &str, due_at: Timestamp, window: SignedDuration, until_next: SignedDuration) -> SignedDuration {
    let hash = fnv(FNV_START, schedule_id.as_bytes());
    within(mix(fnv(hash, &due_at.as_microsecond().to_be_bytes())), window, until_next)
}

/// The id of the job of a tick: the same whoever decides it, so that two that decide at once write one job.
/// A UUIDv7 of the tick's instant, so it sorts among the ids of its time.
pub fn tick_job_id(schedule_id: &str, due_at: Timestamp) -> JobId {
    let micros = due_at.as_microsecond().to_be_bytes();
    let one = mix(fnv(fnv(FNV_START, schedule_id.as_bytes()), &micros));
    let other = mix(fnv(fnv(one, &micros), schedule_id.as_bytes()));
    let mut random = [0; 10];
    random[..8].copy_from_slice(&one.to_be_bytes());
    random[8..].copy_from_slice(&other.to_be_bytes()[..2]);
    let millis = u64::try_from(due_at.as_millisecond()).unwrap_or(0);
    JobId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

fn within(hash: u64, window: SignedDuration, until_next: SignedDuration) -> SignedDuration {
    let micros = i64::try_from(window.min(until_next).as_micros()).unwrap_or(i64::MAX);
    match u64::try_from(micros) {
        Ok(micros @ 1..) => SignedDuration::from_micros((hash % micros) as i64),
        _ => SignedDuration::ZERO,
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits (Fowler, Noll, Vo). Not the standard library's hasher: that one may change with any release.
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64's last step (Steele, Lea, Flood): ids that differ in their last letter end up far apart.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const DAY: SignedDuration = SignedDuration::from_hours(24);

    #[test]
    fn a_schedule_keeps_its_place_from_release_to_release() {
        assert_eq!(spread("reports.daily", HOUR, DAY), SignedDuration::from_micros(SPREAD_OF_REPORTS));
        let tick = Timestamp::UNIX_EPOCH;
        assert_eq!(jitter("reports.daily", tick, HOUR, DAY), SignedDuration::from_micros(JITTER_OF_REPORTS));
    }

    const SPREAD_OF_REPORTS: i64 = 1_277_992_753;
    const JITTER_OF_REPORTS: i64 = 789_975_998;

    #[test]
    fn a_tick_has_one_job_id_and_no_two_ticks_share_one() {
        let id = |schedule: &str, second: i64| tick_job_id(schedule, Timestamp::from_second(second).expect("in range")).0;
        assert_eq!(id("reports.daily", 1_800_000_000), id("reports.daily", 1_800_000_000));
        assert_eq!(id("reports.daily", 1_800_000_000).get_version_num(), 7);
        let mut ids: Vec<_> = (0..20_000).map(|n| id(&format!("s{}", n % 20), n / 20)).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 20_000);
    }

    #[test]
    fn a_delay_never_reaches_the_window_or_the_next_tick() {
        let minute = SignedDuration::from_mins(1);
        for schedule in 0..2000 {
            let delay = spread(&format!("s{schedule}"), HOUR, minute);
            assert!(delay >= SignedDuration::ZERO && delay < minute);
        }
        assert_eq!(spread("s", SignedDuration::ZERO, DAY), SignedDuration::ZERO);
        assert_eq!(spread("s", -HOUR, DAY), SignedDuration::ZERO);
    }

    #[test]
    fn schedules_fill_their_window_evenly() {
        let mut minutes = [0; 60];
        for schedule in 0..6000 {
            let delay = spread(&format!("job-{schedule}"), HOUR, DAY);
            minutes[delay.as_mins() as usize] += 1;
        }
        assert!(minutes.iter().all(|count| (60..=150).contains(count)), "{minutes:?}");
    }
}
