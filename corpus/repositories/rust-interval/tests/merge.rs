use interval::{merge, parse::parse, Interval};

fn intervals(texts: &[&str]) -> Vec<Interval> {
    texts.iter().map(|text| parse(text).unwrap()).collect()
}

#[test]
fn merges_overlapping() {
    assert_eq!(merge(&intervals(&["1..5", "3..9"])), intervals(&["1..9"]));
}

#[test]
fn merges_touching() {
    assert_eq!(merge(&intervals(&["3..4", "1..3"])), intervals(&["1..4"]));
}

#[test]
fn keeps_apart() {
    assert_eq!(merge(&intervals(&["1..2", "5..6"])), intervals(&["1..2", "5..6"]));
}

#[test]
fn keeps_what_is_inside() {
    assert_eq!(merge(&intervals(&["1..9", "2..3"])), intervals(&["1..9"]));
}

#[test]
fn refuses_what_is_no_interval() {
    assert!(parse("5").is_none());
    assert!(parse("7..3").is_none());
    assert!(parse("a..b").is_none());
}
