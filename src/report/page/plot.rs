//! A chart as a picture: axes, curves, marks. `page.js` draws curves over updates the same way, to the size of the screen and the part
//! that is looked at.

use super::chart::{Chart, Series};
use super::html::{Tag, px, tag};
use super::thin::Point;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 280.0;
/// Left, right, top, bottom: room for numbers at the axes.
const MARGIN: [f64; 4] = [54.0, 14.0, 10.0, 26.0];

/// From numbers to places on the picture.
pub(super) struct Scale {
    x: [f64; 2],
    y: [f64; 2],
}

/// The picture of a chart.
pub(super) fn plot(chart: &Chart) -> Tag {
    let scale = Scale::of(chart.series.iter().flat_map(|series| &series.points).copied());
    let whole = ticks(scale.x, 6).into_iter().filter(|value| value.fract() == 0.0);
    let steps: Vec<(f64, String)> = whole.map(|value| (value, said(value, false))).collect();
    canvas(&format!("{} over updates", chart.title()))
        .child(axes(&scale, &steps, chart.is_percent()))
        .children(chart.series.iter().flat_map(|series| curve(series, &scale)))
}

/// An empty picture, and what it is called where it is not seen.
pub(super) fn canvas(label: &str) -> Tag {
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    tag("svg").class("plot").attr("viewBox", view).attr("role", "img").attr("aria-label", label)
}

impl Scale {
    /// Room for all of them that are finite.
    pub(super) fn of(points: impl Iterator<Item = Point>) -> Self {
        let finite: Vec<Point> = points.filter(|point| point.1.is_finite()).collect();
        let [x_low, x_high] = extent(finite.iter().map(|point| point.0));
        let [y_low, y_high] = extent(finite.iter().map(|point| point.1));
        let room = 0.05 * (y_high - y_low);
        // What is never negative is not shown to be able to be.
        let low = if y_low >= 0.0 { (y_low - room).max(0.0) } else { y_low - room };
        Scale { x: [x_low, x_high], y: [low, y_high + room] }
    }

    pub(super) fn x(&self, value: f64) -> f64 {
        let [left, right, ..] = MARGIN;
        left + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - left - right)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let [.., top, bottom] = MARGIN;
        HEIGHT - bottom - (value - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - top - bottom)
    }
}

/// From the least to the greatest, never of no width.
fn extent(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match (low, high) {
        _ if low > high => [0.0, 1.0],
        _ if low == high => [low - 0.5 * low.abs().max(1e-9), high + 0.5 * high.abs().max(1e-9)],
        _ => [low, high],
    }
}

/// The lines of both axes; `marks` are the places on the lower one and what is said there.
pub(super) fn axes(scale: &Scale, marks: &[(f64, String)], percent: bool) -> Tag {
    let [left, right, top, bottom] = MARGIN;
    let line = |x: [f64; 2], y: [f64; 2]| {
        tag("line").attr("x1", px(x[0])).attr("x2", px(x[1])).attr("y1", px(y[0])).attr("y2", px(y[1]))
    };
    let text = |x: f64, y: f64, anchor: &str, said: String| {
        tag("text").attr("x", px(x)).attr("y", px(y)).attr("text-anchor", anchor).text(said)
    };
    let mut group = tag("g").class("axes");
    for value in ticks(scale.y, 5) {
        let y = scale.y(value);
        group = group.child(line([left, WIDTH - right], [y, y]));
        group = group.child(text(left - 6.0, y + 4.0, "end", said(value, percent)));
    }
    for (value, label) in marks {
        let x = scale.x(*value);
        group = group.child(line([x, x], [HEIGHT - bottom, HEIGHT - bottom + 4.0]));
        group = group.child(text(x, HEIGHT - bottom + 17.0, "middle", label.clone()));
    }
    group
        .child(line([left, WIDTH - right], [HEIGHT - bottom; 2]).class("base"))
        .child(line([left; 2], [top, HEIGHT - bottom]).class("base"))
}

/// Round numbers between two, about so many.
fn ticks([low, high]: [f64; 2], about: usize) -> Vec<f64> {
    let raw = (high - low) / about as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= raw);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    // Multiples, not sums, and rounded again: 0.3 is no 0.30000000000000004.
    let tidy = |value: f64| format!("{value:.9e}").parse().unwrap_or(value);
    (first..=last).map(|count| tidy(count as f64 * step)).collect()
}

pub(super) fn said(value: f64, percent: bool) -> String {
    let tidy = |value: f64| format!("{value:.9e}").parse().unwrap_or(value);
    if percent {
        return format!("{} %", tidy(value * 100.0));
    }
    match value.abs() {
        size if size >= 1e4 => format!("{}k", tidy(value / 1e3)),
        size if size > 0.0 && size < 1e-4 => format!("{value:e}"),
        _ => tidy(value).to_string(),
    }
}

fn curve(series: &Series, scale: &Scale) -> Vec<Tag> {
    let place = |point: &Point| (px(scale.x(point.0)), px(scale.y(point.1)));
    let style = format!("--h:{}", series.hue);
    let class = |what: &str| format!("{what} {}", series.split.replace('/', "-"));
    let mut path = String::new();
    let mut is_drawn = false;
    for point in &series.points {
        if point.1.is_finite() {
            let (x, y) = place(point);
            path.push_str(&format!("{}{x} {y}", if is_drawn { "L" } else { "M" }));
        }
        is_drawn = point.1.is_finite();
    }
    let line = tag("path").class(&class("line")).attr("style", &style).attr("d", path);
    let dotted = series.split != "train" || series.points.len() == 1;
    let dots =
        series.points.iter().filter(|point| dotted && point.1.is_finite() && series.points.len() <= 60);
    let dots = dots.map(|point| {
        let (x, y) = place(point);
        tag("circle").class(&class("dot")).attr("style", &style).attr("cx", x).attr("cy", y).attr("r", "3")
    });
    std::iter::once(line).chain(dots).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_said_shortly() {
        assert_eq!(ticks([0.0, 1.0], 5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(ticks([3.0, 47.0], 5), [10.0, 20.0, 30.0, 40.0]);
        assert_eq!(ticks([-0.03, 0.04], 5), [-0.02, 0.0, 0.02, 0.04]);
        let values = [(0.3, true), (12_500.0, false), (0.00004, false), (0.05, false), (0.0, false)];
        assert_eq!(
            values.map(|(value, percent)| said(value, percent)),
            ["30 %", "12.5k", "4e-5", "0.05", "0"]
        );
    }

    #[test]
    fn gaps_break_a_curve_and_a_flat_one_has_a_place() {
        let series =
            |points: &[Point]| Series { run: 0, split: "train".into(), hue: 255, points: points.to_vec() };
        let chart = Chart {
            key: "loss".into(),
            series: vec![series(&[(0.0, 2.0), (1.0, f64::NAN), (2.0, 2.0), (3.0, 2.0)])],
        };
        let made = plot(&chart).into_string();
        let path = made.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(path.matches('M').count(), 2);
        assert_eq!(path.matches('L').count(), 1);
        assert!(!made.contains("NaN") && !made.contains("inf"), "{made}");
        let empty =
            plot(&Chart { key: "loss".into(), series: vec![series(&[(0.0, f64::INFINITY)])] }).into_string();
        assert!(!empty.contains("NaN") && !empty.contains("inf"), "{empty}");
    }
}
