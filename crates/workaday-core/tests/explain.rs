//! Plain English, held still: a change of wording shows up in the snapshot.

mod common;

use std::fmt::Write;

use workaday_core::schedule::{Calendar, DstPolicy, ExcludedDates, GapPolicy, Interval, Rule, Timetable};

const EXPRESSIONS: &str = "
* * * * *
*/5 * * * *
*/7 * * * *
5/15 * * * *
0 * * * *
30 * * * *
0,20,40 * * * *
10-20 * * * *
0 */2 * * *
30 */4 * * *
0 */5 * * *
15 3 * * *
0 0,12 * * *
15,45 1,3 * * *
0 1-23/2 * * *
0 9-17 * * *
*/15 9-17 * * *
* 9-17 * * *
*/10 1,2,3,22 * * *
* */4 * * *
7,37 8-10 * * *
0,30 8-18 * * *
0 9 * * 1-5
0 9 * * MON,WED,FRI
0 10 * * SAT,SUN
0 10 * * 5-7
0 10 * * 4-7
0 12 * * MON#2,FRI#4
0 8 * * 5L
0 8 * * */2
0 0 1 * *
0 0 1,15 * *
0 0 L * *
0 0 LW * *
0 0 15W * *
0 0 1-7,L * *
0 8 */2 * *
0 8 */20 * *
0 8 1-7 * MON
0 8 */7 * MON
0 8 ? * MON
0 0 29 2 *
0 0 1 1,7 *
0 0 * 6-8 *
*/5 * * 6 *
*/5 * * * 1-5
*/5 8-18 * JAN-MAR 1-5
0 9 * 12 1-5
* * * * * *
*/20 * * * * *
5/15 * * * * *
15 * * * * *
10,50 59 1 * * *
30 30 1 * * *
*/20 30 2 * * *
0 15 3 * * *
0,30 */10 * * * *
20-40/5 * 6 * * *
30 */10 * * * *
@hourly
@daily
@weekly
@monthly
@yearly
0 0 5,* * MON
";

#[test]
fn every_form_of_expression_has_its_sentence() {
    let mut sentences = String::new();
    for text in EXPRESSIONS.trim().lines() {
        writeln!(sentences, "{text:24} {}", common::cron(text).explain()).unwrap();
    }
    insta::assert_snapshot!(sentences);
}

#[test]
fn a_timetable_says_its_zone_and_what_clock_changes_do() {
    let berlin = common::zone("Europe/Berlin");
    let mut calendar = Calendar::from(common::cron("30 2 * * *"));
    let mut sentences = Vec::new();
    let mut say = |rule: Rule, zone| sentences.push(Timetable::new(rule, zone).explain());
    say(Rule::Cron(calendar.clone()), berlin.clone());
    say(Rule::Cron(calendar.clone()), jiff::tz::TimeZone::UTC);
    calendar.expressions.push(common::cron("*/20 8-9 * * *"));
    calendar.excluded = ExcludedDates::from_iter([jiff::civil::date(2026, 12, 25)]);
    calendar.dst = DstPolicy { gap: Some(GapPolicy::Shift), fold: None };
    say(Rule::Cron(calendar), berlin.clone());
    say(Rule::Every(Interval::parse("90m", common::at("2026-01-01T00:00:00Z")).unwrap()), berlin.clone());
    say(Rule::At(common::at("2026-12-24T17:30:00Z")), berlin);
    insta::assert_snapshot!(sentences.join("\n"));
}
