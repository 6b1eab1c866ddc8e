//! Keeps schedules apart: a delay that is random between schedules and always the same for one.

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
