//! Time and memory over the number of patches, as SVG; all axes are logarithmic.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Row, label};
use crate::report::page::escaped;

const PANEL: [f64; 2] = [560.0, 420.0];
/// Left, right, top, bottom: room for numbers at the axes.
const MARGIN: [f64; 4] = [64.0, 14.0, 34.0, 40.0];
/// Colours that are told apart by all eyes (Okabe and Ito 2008).
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#777777", "#000000"];
const LEGEND_LINE: f64 = 18.0;

/// A curve for each kind of point: what it is called, and (patches, value).
type Curves = Vec<(String, Vec<(f64, f64)>)>;

/// Both panels, with a legend under them; what was not measured is not there.
pub(super) fn svg(rows: &[Row]) -> String {
    let panels = [
        ("seconds a clip", curves(rows, |row| row.secs_per_clip)),
        ("peak memory, MB", curves(rows, |row| row.peak_bytes.map(|bytes| bytes as f64 / 1e6))),
    ];
    let legend = panels[0].1.len() as f64 * LEGEND_LINE + 14.0;
    let (width, height) = (2.0 * PANEL[0], PANEL[1] + legend);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (at, (caption, curves)) in panels.iter().enumerate() {
        _ = writeln!(svg, "<g transform=\"translate({} 0)\">", at as f64 * PANEL[0]);
        panel(&mut svg, caption, curves);
        svg.push_str("</g>\n");
    }
    for (at, (name, _)) in panels[0].1.iter().enumerate() {
        let y = PANEL[1] + LEGEND_LINE * (at as f64 + 0.5);
        let colour = COLOURS[at % COLOURS.len()];
        _ = writeln!(svg, "<path d=\"M{} {y}h24\" stroke=\"{colour}\" stroke-width=\"2\"/>", MARGIN[0]);
        _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", MARGIN[0] + 32.0, y + 4.0, escaped(name));
    }
    svg + "</svg>\n"
}

fn curves(rows: &[Row], value: fn(&Row) -> Option<f64>) -> Curves {
    let mut order: Vec<String> = Vec::new();
    let mut found: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        let name = label(row);
        if !order.contains(&name) {
            order.push(name.clone());
        }
        let point = value(row).filter(|value| *value > 0.0).map(|value| (row.patches as f64, value));
        found.entry(name).or_default().extend(point);
    }
    order.into_iter().map(|name| (name.clone(), found.remove(&name).unwrap_or_default())).collect()
}

fn panel(svg: &mut String, caption: &str, curves: &Curves) {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let (x, y) = (Axis::over(points().map(|point| point.0)), Axis::over(points().map(|point| point.1)));
    let [left, right, top, bottom] = MARGIN;
    let across = |value: f64| left + x.share(value) * (PANEL[0] - left - right);
    let up = |value: f64| PANEL[1] - bottom - y.share(value) * (PANEL[1] - top - bottom);
    _ = writeln!(svg, "<text x=\"{left}\" y=\"22\" font-size=\"15\">{caption}</text>");
    for value in x.ticks() {
        let at = across(value);
        _ = writeln!(svg, "<path d=\"M{at:.1} {top}V{}\" stroke=\"#ddd\"/>", PANEL[1] - bottom);
        let base = PANEL[1] - bottom + 16.0;
        _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{base}\" text-anchor=\"middle\">{value}</text>");
    }
    for value in y.ticks() {
        let at = up(value);
        _ = writeln!(svg, "<path d=\"M{left} {at:.1}H{}\" stroke=\"#ddd\"/>", PANEL[0] - right);
        let label = left - 6.0;
        _ = writeln!(svg, "<text x=\"{label}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>", at + 4.0);
    }
    let middle = (left + PANEL[0] - right) / 2.0;
    _ = writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">patches</text>", PANEL[1] - 6.0);
    for (at, (_, points)) in curves.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let places: Vec<String> =
            points.iter().map(|&(x, y)| format!("{:.1} {:.1}", across(x), up(y))).collect();
        if places.len() > 1 {
            let path = places.join("L");
            _ = writeln!(svg, "<path d=\"M{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        }
        for &(x, y) in points {
            let (x, y) = (across(x), up(y));
            _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
    }
}

/// From the least value to the largest, in powers of ten.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        match low.is_finite() {
            true => Axis { low: (low * 0.85).log10(), high: (high * 1.2).log10() },
            false => Axis { low: 0.0, high: 1.0 },
        }
    }

    fn share(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    /// Ones, twos and fives of every power; ones alone where those are many.
    fn ticks(&self) -> Vec<f64> {
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        let steps: &[f64] = if self.high - self.low > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let ticks = powers.flat_map(|power| steps.iter().map(move |step| format!("{step}e{power}")));
        let ticks = ticks.filter_map(|text| text.parse::<f64>().ok());
        ticks.filter(|value| (self.low..=self.high).contains(&value.log10())).collect()
    }
}
