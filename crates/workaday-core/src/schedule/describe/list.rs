//! Lists as people say them: runs as "a to b", the last item after "and".

/// `a`, `a and b`, `a, b and c`.
pub(super) fn joined(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The values, three or more in a row written as a run: `1, 2 and 5 to 9`.
pub(super) fn runs(values: &[u32], write: impl Fn(u32) -> String) -> String {
    runs_and_singles(values, &write, &write)
}

/// The same, with other words for the ends of a run than for a value alone.
pub(super) fn runs_and_singles(values: &[u32], end: impl Fn(u32) -> String, alone: impl Fn(u32) -> String) -> String {
    let mut items = Vec::new();
    for run in values.chunk_by(|one, next| one + 1 == *next) {
        match run {
            [first, _, .., last] => items.push(format!("{} to {}", end(*first), end(*last))),
            few => items.extend(few.iter().map(|value| alone(*value))),
        }
    }
    joined(&items)
}

/// `1st`, `2nd`, `3rd`, `11th`.
pub(super) fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
