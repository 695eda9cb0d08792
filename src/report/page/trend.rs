//! A metric over an option that has several numbers: a dot for every run, a line through the means of repetitions, a colour for everything
//! else that differs.

use super::chart::hue;
use super::differences::{setting, value};
use super::html::{Tag, px, tag};
use super::plot::{Scale, axes, canvas, said};
use super::record::Record;
use super::thin::Point;
use crate::record::units;
use crate::report::column::heading;

/// Fewer numbers are no trend.
const FEWEST: usize = 3;
/// More marks or lines than these cannot be told apart.
const MOST_MARKS: usize = 10;
const MOST_LINES: usize = 8;
/// Numbers that span more than this are shown by their logarithms, where all are above zero.
const WIDE: f64 = 30.0;

/// A picture of how one metric follows one option.
pub(super) struct Trend<'a> {
    option: &'a str,
    metric: &'a str,
    lines: Vec<Line>,
    is_log: bool,
}

/// Runs that differ in the option and in the seed alone.
struct Line {
    label: String,
    /// Of every run, the option and the metric, by the option.
    points: Vec<Point>,
}

impl<'a> Trend<'a> {
    /// Nothing, where there is too little to see or too much.
    pub(super) fn of(
        records: &[Record],
        options: &[String],
        option: &'a str,
        metric: &'a str,
    ) -> Option<Self> {
        let mut lines: Vec<Line> = Vec::new();
        for record in records {
            let number = value(record, option).and_then(|value| value.parse::<f64>().ok());
            let measured = record.run.status.as_ref().and_then(|status| status.metrics.get(metric));
            let (Some(number), Some(&measured)) = (number, measured) else { continue };
            let label = label(record, options, option);
            match lines.iter_mut().find(|line| line.label == label) {
                Some(line) => line.points.push((number, measured)),
                None => lines.push(Line { label, points: vec![(number, measured)] }),
            }
        }
        for line in &mut lines {
            line.points.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        let numbers = numbers(&lines);
        let fits = (FEWEST..=MOST_MARKS).contains(&numbers.len()) && lines.len() <= MOST_LINES;
        let (least, greatest) = (*numbers.first()?, *numbers.last()?);
        let is_log = least > 0.0 && greatest / least > WIDE;
        fits.then_some(Trend { option, metric, lines, is_log })
    }

    pub(super) fn tag(&self) -> Tag {
        let scale =
            Scale::of(self.lines.iter().flat_map(|line| &line.points).map(|point| self.placed(*point)));
        let marks: Vec<(f64, String)> = numbers(&self.lines)
            .into_iter()
            .map(|number| (self.place(number), said(number, false)))
            .collect();
        let title = heading(self.metric);
        let is_percent = units::metric(self.metric, 0.5).ends_with('%');
        let lines = self.lines.iter().enumerate().flat_map(|(index, line)| self.drawn(line, index, &scale));
        let picture = canvas(&format!("{title} over {}", self.option))
            .child(axes(&scale, &marks, is_percent))
            .children(lines);
        let caption = tag("figcaption")
            .child(tag("span").class("title").text(title))
            .child(tag("span").class("by").text(format!("over {}", self.option)));
        tag("figure").class("trend").child(caption).children(self.legend()).child(picture)
    }

    /// What each colour stands for, where there are several.
    fn legend(&self) -> Option<Tag> {
        let keys = self.lines.iter().enumerate().map(|(index, line)| {
            let key = tag("span").class("key").attr("style", self.style(index));
            tag("span").child(key).text(&line.label)
        });
        (self.lines.len() > 1).then(|| tag("p").class("legend").children(keys))
    }

    fn style(&self, line: usize) -> String {
        format!("--h:{}", hue(line, self.lines.len()))
    }

    fn drawn(&self, line: &Line, index: usize, scale: &Scale) -> Vec<Tag> {
        let style = self.style(index);
        let place = |point: Point| {
            let (x, y) = self.placed(point);
            (px(scale.x(x)), px(scale.y(y)))
        };
        let finite = || line.points.iter().copied().filter(|point| point.1.is_finite());
        let means = means(finite()).into_iter().map(place);
        let path: Vec<String> = means.map(|(x, y)| format!("{x} {y}")).collect();
        let dots = finite().map(|point| {
            let (x, y) = place(point);
            let title =
                tag("title").text(format!("{} {}: {}", line.label, said(point.0, false), self.said(point.1)));
            let dot = tag("circle").class("dot").attr("style", &style).attr("cx", x).attr("cy", y);
            dot.attr("r", "3").child(title)
        });
        let path = tag("path").class("line").attr("style", &style).attr("d", format!("M{}", path.join("L")));
        std::iter::once(path).chain(dots).collect()
    }

    fn said(&self, measured: f64) -> String {
        units::metric(self.metric, measured)
    }

    fn placed(&self, (number, measured): Point) -> Point {
        (self.place(number), measured)
    }

    fn place(&self, number: f64) -> f64 {
        if self.is_log { number.log10() } else { number }
    }
}

/// The run's name and the other options in which runs differ.
fn label(record: &Record, options: &[String], over: &str) -> String {
    let others = options.iter().filter(|option| *option != over);
    let others = others.filter_map(|option| Some(setting(option, &value(record, option)?)));
    std::iter::once(record.run.identity.name.clone()).chain(others).collect::<Vec<_>>().join(" ")
}

/// The option's numbers, each once, ascending.
fn numbers(lines: &[Line]) -> Vec<f64> {
    let mut numbers: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|point| point.0).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}

/// The mean metric of each number, of points that are sorted by number.
fn means(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut sums: Vec<(f64, f64, f64)> = Vec::new();
    for (number, measured) in points {
        match sums.last_mut().filter(|last| last.0 == number) {
            Some(last) => (last.1, last.2) = (last.1 + measured, last.2 + 1.0),
            None => sums.push((number, measured, 1.0)),
        }
    }
    sums.into_iter().map(|(number, sum, count)| (number, sum / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_have_one_mean_each() {
        let points = [(0.0, 0.1), (0.0, 0.3), (2.0, 0.5)];
        assert_eq!(means(points.into_iter()), [(0.0, 0.2), (2.0, 0.5)]);
    }
}
