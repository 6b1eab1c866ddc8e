//! "Did you mean …": the known name nearest to a mistyped one.

/// The candidate with the fewest edits from `name`, if it is near enough to be a slip rather than another word.
///
/// A swap of two neighbours counts as one edit. At most a third of the letters may differ, and at least one may.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().take(NAME_CHARS_MAX).collect();
    let allowed = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.to_lowercase().chars().take(NAME_CHARS_MAX).collect();
            let edits = edits(&wanted, &other);
            (edits <= allowed || is_last_part(&wanted, &other)).then_some((edits, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Longer names are compared by their beginning: a bound on the work that a hostile name can cause.
const NAME_CHARS_MAX: usize = 100;

/// `send_invoice` for `shop.send_invoice`: the module was left out.
fn is_last_part(wanted: &[char], other: &[char]) -> bool {
    wanted.len() > 2 && other.ends_with(wanted) && other.get(other.len().wrapping_sub(wanted.len() + 1)) == Some(&'.')
}

/// Edits from `a` to `b`: insert, delete, replace, swap (optimal string alignment).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = vec![];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["processes", "threads", "shop.send_invoice", "grace"];

    #[test]
    fn a_slip_finds_its_name() {
        for (slip, name) in
            [("proceses", "processes"), ("thraeds", "threads"), ("Grace", "grace"), ("shop.send_invoce", "shop.send_invoice")]
        {
            assert_eq!(nearest(slip, KNOWN), Some(name), "{slip}");
        }
    }

    #[test]
    fn a_task_without_its_module_is_found() {
        assert_eq!(nearest("send_invoice", KNOWN), Some("shop.send_invoice"));
    }

    #[test]
    fn another_word_finds_nothing() {
        for word in ["colour", "", "x", "e"] {
            assert_eq!(nearest(word, KNOWN), None, "{word}");
        }
    }
}
