//! Many measures, one error rate: the step-down maxT procedure of Westfall and Young (1993).
//!
//! The largest score is ranked among the largest scores of all placebos; then it is taken out, and the next one is ranked
//! among the largest of the rest. Holm's procedure does the same with the worst assumption about how measures move
//! together; here the placebos say how they do.

/// What share of moments without a release showed a score as large as each of `ours`, in any measure still in question.
///
/// `placebos[measure][moment]`; a moment counts when most of the measures are known there. Returns for each measure its
/// adjusted p and how many moments were as extreme; the second value is the number of moments.
pub fn adjusted(ours: &[f64], placebos: &[&[Option<f64>]]) -> (Vec<Ranked>, usize) {
    let rows = rows(placebos);
    let mut order: Vec<usize> = (0..ours.len()).collect();
    order.sort_by(|a, b| ours[*b].total_cmp(&ours[*a]));
    let mut ranked = vec![Ranked::default(); ours.len()];
    let mut floor = 0.0_f64;
    for (step, measure) in order.iter().enumerate() {
        let rest = &order[step..];
        let as_extreme = rows.iter().filter(|row| rest.iter().any(|other| row[*other] >= ours[*measure])).count();
        // Never below an earlier one: a smaller score cannot be surer than a larger.
        floor = floor.max((as_extreme + 1) as f64 / (rows.len() + 1) as f64);
        ranked[*measure] = Ranked { p: floor, as_extreme };
    }
    (ranked, rows.len())
}

/// Where a measure stands among the placebos.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranked {
    pub p: f64,
    pub as_extreme: usize,
}

/// The score that ours has to be beyond, over all measures, for its p to be `alpha` at most: what a change must pass. `None`
/// when there are too few moments for any score to have so small a p.
pub fn threshold(placebos: &[&[Option<f64>]], alpha: f64) -> Option<f64> {
    let mut largest: Vec<f64> = rows(placebos).iter().map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
    largest.sort_by(|a, b| b.total_cmp(a));
    // As many may reach ours: (k + 1) / (n + 1) <= alpha.
    let reached = (alpha * (largest.len() + 1) as f64).floor() as usize;
    largest.get(reached.checked_sub(1)?).copied()
}

/// By moment the scores of all measures; a moment counts when most of them are known there.
fn rows(placebos: &[&[Option<f64>]]) -> Vec<Vec<f64>> {
    let moments = placebos.first().map_or(0, |scores| scores.len());
    (0..moments)
        .map(|moment| placebos.iter().map(|scores| scores[moment].unwrap_or(f64::NEG_INFINITY)).collect::<Vec<f64>>())
        .filter(|row| row.iter().filter(|score| score.is_finite()).count() * 5 >= row.len() * 4)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_measure_is_ranked_among_its_placebos() {
        let scores: Vec<Option<f64>> = (0..99).map(|at| Some(f64::from(at) / 10.0)).collect();
        let (ranked, moments) = adjusted(&[9.75], &[&scores]);
        assert_eq!((ranked[0].as_extreme, moments), (1, 99));
        assert!((ranked[0].p - 0.02).abs() < 1e-9);
    }

    #[test]
    fn beyond_the_threshold_and_nowhere_else_is_p_below_alpha() {
        for count in [10, 27, 28, 29, 57, 200] {
            let scores: Vec<Option<f64>> = (0..count).map(|at| Some(f64::from(at))).collect();
            let p = |score: f64| adjusted(&[score], &[&scores]).0[0].p;
            match threshold(&[&scores], 0.035) {
                Some(pass) => assert!(p(pass + 0.5) <= 0.035 && p(pass) > 0.035, "{count}: {pass}"),
                None => assert!(p(1e9) > 0.035, "{count}"),
            }
        }
    }

    #[test]
    fn independent_measures_pay_and_identical_ones_do_not() {
        let one: Vec<Option<f64>> = (0..100).map(|at| Some(f64::from(at % 100))).collect();
        let other: Vec<Option<f64>> = (0..100).map(|at| Some(f64::from((at + 50) % 100))).collect();
        let (same, _) = adjusted(&[97.0, 97.0], &[&one, &one]);
        let (apart, _) = adjusted(&[97.0, 97.0], &[&one, &other]);
        assert!(same[0].as_extreme == 3 && apart[0].as_extreme == 6, "{same:?} {apart:?}");
    }

    #[test]
    fn a_smaller_score_is_never_surer() {
        let quiet: Vec<Option<f64>> = vec![Some(0.0); 50];
        let loud: Vec<Option<f64>> = (0..50).map(|at| Some(f64::from(at))).collect();
        let (ranked, _) = adjusted(&[40.0, 1.0], &[&loud, &quiet]);
        assert!(ranked[1].p >= ranked[0].p, "{ranked:?}");
    }
}
