//! Times of day as three bit sets: every hour of the set, with every minute, with every second.

/// The seconds of a day that an expression names. Counted from midnight on the zone's own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Times {
    pub seconds: u64,
    pub minutes: u64,
    pub hours: u64,
}

impl Times {
    /// How many there are in one whole day.
    pub fn per_day(&self) -> u64 {
        count(self.hours) * self.per_hour()
    }

    fn per_hour(&self) -> u64 {
        count(self.minutes) * count(self.seconds)
    }

    pub fn contains(&self, second_of_day: i64) -> bool {
        let (hour, minute, second) = split(second_of_day);
        has(self.hours, hour) && has(self.minutes, minute) && has(self.seconds, second)
    }

    /// How many lie before `second_of_day`; 86,400 asks for the whole day.
    pub fn count_before(&self, second_of_day: i64) -> u64 {
        let (hour, minute, second) = split(second_of_day);
        let mut total = count(self.hours & below(hour)) * self.per_hour();
        if has(self.hours, hour) {
            total += count(self.minutes & below(minute)) * count(self.seconds);
            if has(self.minutes, minute) {
                total += count(self.seconds & below(second));
            }
        }
        total
    }

    /// The earliest one at or after `second_of_day`.
    pub fn at_or_after(&self, second_of_day: i64) -> Option<i64> {
        let (hour, minute, second) = split(second_of_day);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = lowest(self.seconds & !below(second))
            {
                return Some(join(hour, minute, second));
            }
            if let Some(minute) = lowest(self.minutes & !below(minute + 1)) {
                return Some(join(hour, minute, lowest(self.seconds)?));
            }
        }
        let hour = lowest(self.hours & !below(hour + 1))?;
        Some(join(hour, lowest(self.minutes)?, lowest(self.seconds)?))
    }

    /// The latest one at or before `second_of_day`.
    pub fn at_or_before(&self, second_of_day: i64) -> Option<i64> {
        let (hour, minute, second) = split(second_of_day);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = highest(self.seconds & below(second + 1))
            {
                return Some(join(hour, minute, second));
            }
            if let Some(minute) = highest(self.minutes & below(minute)) {
                return Some(join(hour, minute, highest(self.seconds)?));
            }
        }
        let hour = highest(self.hours & below(hour))?;
        Some(join(hour, highest(self.minutes)?, highest(self.seconds)?))
    }
}

fn split(second_of_day: i64) -> (i64, i64, i64) {
    (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60)
}

fn join(hour: i64, minute: i64, second: i64) -> i64 {
    hour * 3600 + minute * 60 + second
}

fn count(set: u64) -> u64 {
    u64::from(set.count_ones())
}

fn has(set: u64, value: i64) -> bool {
    set >> value & 1 == 1
}

/// The values 0 up to, not including, `value`, which is at most 60.
fn below(value: i64) -> u64 {
    (1 << value) - 1
}

fn lowest(set: u64) -> Option<i64> {
    (set != 0).then(|| i64::from(set.trailing_zeros()))
}

fn highest(set: u64) -> Option<i64> {
    (set != 0).then(|| 63 - i64::from(set.leading_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_and_counting_agree_with_trying_every_second() {
        let times = Times { seconds: 1 << 7 | 1 << 59, minutes: 1 | 1 << 30, hours: 1 | 1 << 2 | 1 << 23 };
        let all: Vec<i64> = (0..86_400).filter(|s| times.contains(*s)).collect();
        assert_eq!(all.len() as u64, times.per_day());
        assert_eq!(times.count_before(86_400), times.per_day());
        for second in 0..86_400 {
            let split = all.partition_point(|s| *s < second);
            assert_eq!(times.at_or_after(second), all.get(split).copied());
            assert_eq!(times.count_before(second), split as u64);
            let upto = all.partition_point(|s| *s <= second);
            assert_eq!(times.at_or_before(second), upto.checked_sub(1).map(|i| all[i]));
        }
    }
}
