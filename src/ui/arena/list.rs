//! A list that may be longer than its place: which of its lines are shown.

/// How far a list is scrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    first: usize,
}

/// Which lines of a list are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which, by number, in the order they stand in. The viewer's own line is always among them, if
    /// need be as the last.
    pub lines: Vec<usize>,
    /// The numbers of the first and the last in the ordinary order, from 1.
    pub from_to: (usize, usize),
    /// There are more than there is room for.
    pub scrolls: bool,
}

impl Scroll {
    /// Scrolls by pages and lines, as far as a list of `total` lines with room for `fitting` goes.
    pub fn by(&mut self, pages: i32, lines: i32, total: usize, fitting: usize) {
        let page = i64::try_from(fitting.max(2) - 1).unwrap_or(1);
        let by = i64::from(pages) * page + i64::from(lines) * 2;
        let last = total.saturating_sub(fitting);
        let first = i64::try_from(self.first).unwrap_or(0).saturating_add(by);
        self.first = usize::try_from(first).unwrap_or(0).min(last);
    }

    /// What is shown of `total` lines where `fitting` have room; `own` is the viewer's.
    pub fn window(&self, total: usize, fitting: usize, own: Option<usize>) -> Window {
        let first = self.first.min(total.saturating_sub(fitting));
        let end = (first + fitting).min(total);
        let mut lines: Vec<usize> = (first..end).collect();
        if let Some(own) = own.filter(|own| *own < total && !lines.contains(own))
            && let Some(edge) = if own < first { lines.first_mut() } else { lines.last_mut() }
        {
            *edge = own;
        }
        Window { lines, from_to: (first + 1, end), scrolls: total > fitting }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_crowd_is_reached() {
        let mut scroll = Scroll::default();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5 {
            seen.extend(scroll.window(33, 12, None).lines);
            scroll.by(1, 0, 33, 12);
        }
        assert_eq!(seen.len(), 33);
        assert_eq!(scroll.window(33, 12, None).from_to, (22, 33));
        scroll.by(-9, 0, 33, 12);
        assert_eq!(scroll, Scroll::default());
    }

    #[test]
    fn the_own_line_is_always_there() {
        let mut scroll = Scroll::default();
        assert_eq!(scroll.window(33, 5, Some(20)).lines, [0, 1, 2, 3, 20]);
        scroll.by(2, 0, 33, 5);
        assert_eq!(scroll.window(33, 5, Some(0)).lines, [0, 9, 10, 11, 12]);
        assert_eq!(scroll.window(33, 5, Some(9)).lines, [8, 9, 10, 11, 12]);
    }

    #[test]
    fn a_list_that_shrinks_or_has_no_room_does_no_harm() {
        let mut scroll = Scroll::default();
        scroll.by(9, 9, 64, 10);
        assert_eq!(scroll.window(3, 10, Some(2)).lines, [0, 1, 2]);
        assert_eq!(scroll.window(3, 0, Some(2)).lines, Vec::<usize>::new());
        assert_eq!(scroll.window(0, 4, None).lines, Vec::<usize>::new());
    }
}
