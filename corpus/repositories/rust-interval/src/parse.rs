//! Reads intervals from text.

use crate::Interval;

/// Reads `3..7`; `None` when it is no interval.
pub fn parse(text: &str) -> Option<Interval> {
    let (start, end) = text.trim().split_once("..")?;
    Interval::new(start.trim().parse().ok()?, end.trim().parse().ok()?)
}
