//! What each field may hold: its values, its names, and the parts of a written list.

use super::super::error::Field;

pub(crate) const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(crate) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One part of a field's comma-separated list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// `*`, `*/n`, and `?` in the day fields.
    Every { step: u32 },
    /// `a`.
    Value(u32),
    /// `a-b`, `a-b/n`.
    Range { from: u32, to: u32, step: u32 },
    /// `a/n`: from a to the field's end.
    From { from: u32, step: u32 },
    /// Day of month `L`.
    LastDay,
    /// Day of month `LW`.
    LastWeekday,
    /// Day of month `nW`.
    NearestWeekday(u32),
    /// Day of week `d#n`.
    Nth { weekday: u32, n: u32 },
    /// Day of week `dL`.
    LastOf(u32),
}

/// A field as it was written: its text, and its list taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub text: String,
    pub items: Vec<Item>,
}

impl Spec {
    /// Begins with `*`, or is `?`: the mark by which Debian's cron tells "any" from a named time.
    pub fn starts_with_star(&self) -> bool {
        self.text.starts_with(['*', '?'])
    }

    /// Lets everything through: `*`, `?`, `*/1`, or a list with one of these.
    pub fn is_any(&self) -> bool {
        self.items.contains(&Item::Every { step: 1 })
    }

    /// The plain values, as bits; 7 in the day of week is folded onto 0, Sunday.
    pub fn set(&self, field: Field) -> u64 {
        let set = self.items.iter().fold(0, |set, item| set | item.set(field));
        if field == Field::DayOfWeek { (set | set >> 7) & 0x7f } else { set }
    }

    /// The plain values in order.
    pub fn values(&self, field: Field) -> Vec<u32> {
        let set = self.set(field);
        (0..64).filter(|value| set >> value & 1 == 1).collect()
    }
}

impl Item {
    fn set(self, field: Field) -> u64 {
        let (least, most) = bounds(field);
        match self {
            Self::Every { step } => stepped(least, most, step),
            Self::Value(value) => 1 << value,
            Self::Range { from, to, step } => stepped(from, to, step),
            Self::From { from, step } => stepped(from, most, step),
            Self::LastDay | Self::LastWeekday | Self::NearestWeekday(_) | Self::Nth { .. } | Self::LastOf(_) => 0,
        }
    }
}

fn stepped(from: u32, to: u32, step: u32) -> u64 {
    (from..=to).step_by(step as usize).fold(0, |set, value| set | 1 << value)
}

/// The least and greatest value of a field. Both 0 and 7 are Sunday, so `a/n` there runs to 7, as in Vixie's cron.
pub(crate) const fn bounds(field: Field) -> (u32, u32) {
    match field {
        Field::Second | Field::Minute | Field::Expression => (0, 59),
        Field::Hour => (0, 23),
        Field::DayOfMonth => (1, 31),
        Field::Month => (1, 12),
        Field::DayOfWeek => (0, 7),
    }
}

/// The value that a three-letter name stands for, in any case.
pub(crate) fn named(field: Field, text: &str) -> Option<u32> {
    let place = |names: &[&str]| names.iter().position(|name| name.eq_ignore_ascii_case(text));
    match field {
        Field::Month => place(&MONTHS).map(|place| place as u32 + 1),
        Field::DayOfWeek => place(&WEEKDAYS).map(|place| place as u32),
        _ => None,
    }
}

/// A value as a hint writes it: by name where the field has names.
pub(crate) fn written(field: Field, value: u32) -> String {
    match field {
        Field::Month => MONTHS[value as usize - 1].to_owned(),
        Field::DayOfWeek => WEEKDAYS[value as usize % 7].to_owned(),
        _ => value.to_string(),
    }
}

/// What a field accepts, for the "expected" part of a refusal.
pub(crate) const fn accepts(field: Field) -> &'static str {
    match field {
        Field::Second | Field::Minute => "a number from 0 to 59",
        Field::Hour => "a number from 0 to 23",
        Field::DayOfMonth => "a number from 1 to 31, `L`, `LW` or a number with `W`",
        Field::Month => "a number from 1 to 12 or a name from JAN to DEC",
        Field::DayOfWeek => "a number from 0 to 7 or a name from SUN to SAT, alone or with `#1` to `#5` or `L`",
        Field::Expression => "5 fields, or 6 with seconds first",
    }
}
