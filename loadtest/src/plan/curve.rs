//! A line through what was measured, straight where both axes are logarithmic: costs fall by a
//! share, not by an amount, when a rate doubles.

/// Points from left to right.
#[derive(Debug, Clone)]
pub(super) struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// A line through points, all of them above 0.
    pub(super) fn through(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut points: Vec<_> = points.into_iter().collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(points)
    }

    /// Its height. Left of the first point and right of the last one it is flat: nothing is known of
    /// what lies beyond.
    pub(super) fn at(&self, x: f64) -> f64 {
        let right = self.0.iter().position(|point| point.0 >= x);
        let right = right.unwrap_or(self.0.len());
        let point = |index: usize| self.0.get(index).copied();
        match (right.checked_sub(1).and_then(point), point(right)) {
            (Some(left), Some(right)) => {
                let share = (x / left.0).ln() / (right.0 / left.0).ln();
                left.1 * (right.1 / left.1).powf(share)
            }
            (Some(end), None) | (None, Some(end)) => end.1,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_meets_its_points_and_is_flat_beyond_them() {
        let curve = Curve::through([(1_000.0, 1.0), (10.0, 100.0)]);
        let cases = [
            (1.0, 100.0),
            (10.0, 100.0),
            (100.0, 10.0),
            (1_000.0, 1.0),
            (1e6, 1.0),
        ];
        for (x, y) in cases {
            assert!((curve.at(x) - y).abs() < 1e-9, "{x}: {}", curve.at(x));
        }
        assert!(Curve::through([]).at(1.0).abs() < 1e-9);
    }
}
