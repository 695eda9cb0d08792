//! What a folder of sound is like as SVG: a panel of bars for lengths, levels, folders and, where they are known, languages.

use std::fmt::Write as _;

use crate::record::units;
use crate::report::page::{escaped, shortened};

/// What a panel is about, and its bars.
pub(super) type Panel<'a> = (&'a str, &'a [(String, u64)]);

const WIDTH: f64 = 760.0;
const LINE: f64 = 20.0;
/// Room for a panel's caption, and below its bars.
const AROUND: [f64; 2] = [44.0, 12.0];
/// Where bars begin: names stand to the left, shortened where they are longer.
const BARS_FROM: f64 = 200.0;
const NAME_CHARS: usize = 28;
/// The longest bar ends here; its number stands to the right.
const BARS_TO: f64 = WIDTH - 90.0;

/// The panels one below the other, under `title`; those without bars are left out.
pub(super) fn svg(title: &str, panels: &[Panel]) -> String {
    let shown = || panels.iter().filter(|(_, bars)| !bars.is_empty());
    let height = 40.0 + shown().map(|(_, bars)| tall(bars)).sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"16\">{}</text>\n",
        escaped(title)
    );
    let mut top = 40.0;
    for (caption, bars) in shown() {
        panel(&mut svg, caption, bars, top);
        top += tall(bars);
    }
    svg + "</svg>\n"
}

fn tall(bars: &[(String, u64)]) -> f64 {
    AROUND[0] + bars.len() as f64 * LINE + AROUND[1]
}

fn panel(svg: &mut String, caption: &str, bars: &[(String, u64)], top: f64) {
    _ = writeln!(svg, "<text x=\"16\" y=\"{}\" font-weight=\"bold\">{}</text>", top + 28.0, escaped(caption));
    let largest = bars.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    for (at, (name, count)) in bars.iter().enumerate() {
        let y = top + AROUND[0] + at as f64 * LINE;
        let long = *count as f64 / largest as f64 * (BARS_TO - BARS_FROM);
        let (name_end, middle) = (BARS_FROM - 8.0, y + 14.0);
        let name = escaped(&shortened(name, NAME_CHARS));
        _ = writeln!(svg, "<text x=\"{name_end}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>");
        let bar = LINE - 5.0;
        _ = writeln!(
            svg,
            "<rect x=\"{BARS_FROM}\" y=\"{}\" width=\"{long:.1}\" height=\"{bar}\" fill=\"#0072b2\"/>",
            y + 2.5
        );
        let count = units::count(*count);
        _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{middle}\">{count}</text>", BARS_FROM + long + 6.0);
    }
}
