//! Plots as text: what is drawn, what is said, and that nothing of a name becomes markup.

use super::*;

fn teller() -> Teller {
    Teller::new(Timestamp(1_795_000_000_000_000), "UTC")
}

fn last_day() -> Span {
    Span { from: teller().now - Length::hours(24), until: teller().now }
}

#[test]
fn a_strip_draws_throughput_failures_and_releases() {
    let slices = [
        Slice { finished: 10, discarded: 0 },
        Slice { finished: 40, discarded: 3 },
        Slice::default(),
        Slice { finished: 20, discarded: 1 },
    ];
    let marks = [Mark { at: teller().now - Length::hours(9), name: "3f2c1a9".into() }];
    let svg = strip(&teller(), last_day(), &slices, &marks, "6 h");
    let expected = "<svg class=\"plot strip\" width=\"100%\" height=\"150\" role=img aria-label=\"Finished jobs of the last 24 hours. 70 finished, 4 of them discarded; at most 40 in 6 h. Releases that began: 3f2c1a9.\"><title>Finished jobs of the last 24 hours</title><desc>70 finished, 4 of them discarded; at most 40 in 6 h. Releases that began: 3f2c1a9.</desc><rect class=work x=\"2.50%\" y=\"110.5\" width=\"20.00%\" height=\"19.5\"/>\
<rect class=work x=\"27.50%\" y=\"52.0\" width=\"20.00%\" height=\"78.0\"/>\
<rect class=bad x=\"27.50%\" y=\"12.0\" width=\"20.00%\" height=\"20.0\"/>\
<rect class=work x=\"77.50%\" y=\"91.0\" width=\"20.00%\" height=\"39.0\"/>\
<rect class=bad x=\"77.50%\" y=\"25.3\" width=\"20.00%\" height=\"6.7\"/>\
<line class=rule x1=0 x2=\"100%\" y1=\"32.0\" y2=\"32.0\"/><line class=axis x1=0 x2=\"100%\" y1=\"130.0\" y2=\"130.0\"/>\
<text class=\"bad\" x=\"37.50%\" y=\"9.0\" text-anchor=middle>✕ 3</text>\
<text class=\"soft\" x=\"0.00%\" y=\"46.0\" text-anchor=start>at most 40 in 6 h</text>\
<line class=mark x1=\"62.50%\" x2=\"62.50%\" y1=2 y2=\"130.0\"/>\
<text class=\"release\" x=\"63.00%\" y=\"60.0\" text-anchor=start>3f2c1a9</text>\
<text class=\"soft\" x=\"3.70%\" y=\"145.0\" text-anchor=start>12:00</text>\
<text class=\"soft\" x=\"28.70%\" y=\"145.0\" text-anchor=middle>18:00</text>\
<text class=\"soft\" x=\"53.70%\" y=\"145.0\" text-anchor=middle>00:00</text>\
<text class=\"soft\" x=\"78.70%\" y=\"145.0\" text-anchor=middle>06:00</text>\
</svg>";
    assert_eq!(svg, expected);
}

#[test]
fn an_empty_strip_is_two_lines_and_says_so() {
    let svg = strip(&teller(), last_day(), &[Slice::default(); 48], &[], "30 min");
    assert!(svg.contains("0 finished, 0 of them discarded"), "{svg}");
    assert!(!svg.contains("<rect"), "{svg}");
}

#[test]
fn a_line_breaks_where_nothing_was_measured_and_its_name_stands_at_its_end() {
    let series = [
        Series { name: "p95".into(), values: vec![Some(1_000_000), Some(2_000_000), None, Some(400_000)] },
        Series { name: "p50".into(), values: vec![Some(10_000), Some(10_000), None, Some(390_000)] },
    ];
    let svg = lines(&teller(), last_day(), &series, &[], "Waited");
    assert!(svg.contains("<path class=\"line s0\" d=\"M125.0 66.7L375.0 53.2M875.0 84.4h4\"/>"), "{svg}");
    assert!(svg.contains(">p95 0.4 s</text>") && svg.contains(">p50 0.4 s</text>"), "{svg}");
    assert!(svg.contains(">10 ms</text>") && svg.contains(">1 s</text>"), "each step has its name: {svg}");
    let height = |name: &str| {
        let before = svg.split(name).next().unwrap().rsplit("y=\"").next().unwrap();
        before.split('"').next().unwrap().parse::<f64>().unwrap()
    };
    assert!((height(">p95 0.4 s") - height(">p50 0.4 s")).abs() >= 14.0, "names do not lie on each other");
}

#[test]
fn where_releases_follow_each_other_the_newest_has_its_name() {
    let mark = |hours: i64, name: &str| Mark { at: teller().now - Length::hours(hours), name: name.into() };
    let svg = strip(&teller(), last_day(), &[Slice::default(); 48], &[mark(9, "old"), mark(8, "new"), mark(20, "first")], "30 min");
    assert_eq!(svg.matches("<line class=mark").count(), 3);
    assert!(svg.contains(">new</text>") && svg.contains(">first</text>") && !svg.contains(">old</text>"), "{svg}");
}

#[test]
fn six_lines_are_five() {
    let line = |number: usize| Series { name: format!("q{number}"), values: vec![Some(1_000)] };
    let svg = lines(&teller(), last_day(), &[0, 1, 2, 3, 4, 5].map(line), &[], "Waited");
    assert!(svg.contains("line s4") && !svg.contains("line s5"));
}

#[test]
fn the_newest_tick_stands_at_the_right_edge() {
    let cell = |letter, class| Cell { letter, class, said: format!("{letter}") };
    let svg = ticks(&[cell('✓', "good"), cell('F', "bad")], "Last 2", "1 failed");
    assert!(svg.contains("<g class=\"bad\"><title>F</title><rect x=\"96.87%\""), "{svg}");
}

#[test]
fn a_name_is_never_markup() {
    let marks = [Mark { at: teller().now - Length::hours(1), name: "<script>\"'".into() }];
    let svg = bars(&teller(), last_day(), &[1, 2], &marks, "<b>", "1 h");
    assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
}
