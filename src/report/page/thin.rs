//! Long series made short enough for a page, without losing what stands out.

/// A place on a curve; `y` may be no number, where the curve breaks off.
pub(super) type Point = (f64, f64);

/// At most about `most` of the points: the first, the last, and of each stretch between the lowest and the highest, as they follow.
pub(super) fn thinned(points: &[Point], most: usize) -> Vec<Point> {
    let [first, between @ .., last] = points else { return points.to_vec() };
    if points.len() <= most.max(4) {
        return points.to_vec();
    }
    let stretches = (most.max(4) - 2) / 2;
    let mut kept = vec![*first];
    for stretch in 0..stretches {
        let (from, to) = (stretch * between.len() / stretches, (stretch + 1) * between.len() / stretches);
        kept.extend(extremes(&between[from..to]));
    }
    kept.push(*last);
    kept
}

/// The lowest and the highest point in their order; a gap stands for itself.
fn extremes(points: &[Point]) -> Vec<Point> {
    let finite = || (0..points.len()).filter(|&at| points[at].1.is_finite());
    let by_value = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
    let gap = (0..points.len()).find(|&at| !points[at].1.is_finite());
    let mut kept: Vec<usize> =
        [finite().min_by(by_value), finite().max_by(by_value), gap].into_iter().flatten().collect();
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|at| points[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_extremes_survive() {
        let mut points: Vec<Point> =
            (0..10_000).map(|x| (f64::from(x), (f64::from(x) * 0.7).sin())).collect();
        points[4_321].1 = 50.0;
        points[8_000].1 = -50.0;
        points[6_000].1 = f64::NAN;
        let kept = thinned(&points, 200);
        assert!(kept.len() <= 202, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[9_999]));
        assert!(kept.contains(&(4_321.0, 50.0)) && kept.contains(&(8_000.0, -50.0)));
        assert!(kept.iter().any(|point| point.0 == 6_000.0 && point.1.is_nan()));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn short_series_stay_as_they_are() {
        let points = [(0.0, 1.0), (1.0, 2.0), (2.0, 0.0), (3.0, 5.0), (4.0, 4.0)];
        assert_eq!(thinned(&points, 5), points);
        assert_eq!(thinned(&points[..1], 0), points[..1]);
        assert!(thinned(&[], 9).is_empty());
    }
}
