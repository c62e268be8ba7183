//! Half-open intervals of whole numbers.

pub mod parse;

/// From `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub start: i64,
    pub end: i64,
}

impl Interval {
    pub fn new(start: i64, end: i64) -> Option<Interval> {
        if start < end {
            Some(Interval { start, end })
        } else {
            None
        }
    }

    pub fn len(&self) -> i64 {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn contains(&self, value: i64) -> bool {
        self.start <= value && value < self.end
    }

    pub fn overlaps(&self, other: &Interval) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Joins what overlaps or touches; the result is sorted.
pub fn merge(intervals: &[Interval]) -> Vec<Interval> {
    let mut sorted = intervals.to_vec();
    sorted.sort_by_key(|interval| interval.start);
    let mut merged: Vec<Interval> = Vec::new();
    for interval in sorted {
        match merged.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => merged.push(interval),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_empty() {
        assert_eq!(Interval::new(3, 3), None);
        assert_eq!(Interval::new(4, 3), None);
    }

    #[test]
    fn contains_its_start_only() {
        let interval = Interval::new(1, 4).unwrap();
        assert!(interval.contains(1));
        assert!(!interval.contains(4));
        assert_eq!(interval.len(), 3);
    }

    #[test]
    fn touching_is_no_overlap() {
        let left = Interval::new(0, 2).unwrap();
        let right = Interval::new(2, 4).unwrap();
        assert!(!left.overlaps(&right));
        assert!(left.overlaps(&Interval::new(1, 3).unwrap()));
    }
}
