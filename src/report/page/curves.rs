//! The curves: legends, and a chart for each quantity.

use super::chart::{Chart, Charts};
use super::html::{Tag, tag};
use super::plot::plot;
use super::{Section, mark};

pub(super) fn section(charts: &Charts, names: &[String]) -> Option<Section> {
    charts.about_speed(false).next()?;
    let section = Section::new("curves", "Curves").child(legend(charts, names)).child(
        tag("p")
            .class("hint scripted")
            .text("Drag over a chart to look closer, double-click to see all of it again. Legends hide and show; with Shift they show one alone."),
    );
    Some(section.child(grid(charts.about_speed(false))))
}

/// Charts beside each other, as many as fit.
pub(super) fn grid<'a>(charts: impl Iterator<Item = (usize, &'a Chart)>) -> Tag {
    tag("div").class("charts").children(charts.map(|(index, chart)| figure(index, chart)))
}

fn figure(index: usize, chart: &Chart) -> Tag {
    let button = |class: &str, label: &str| {
        tag("button").attr("type", "button").class(&format!("scripted {class}")).text(label)
    };
    let caption = tag("figcaption")
        .child(tag("span").class("title").text(chart.title()))
        .child(tag("span").class("by").text("by update"))
        .child(button("reset", "all").flag("hidden", true))
        .child(button("log", "log").attr("aria-pressed", "false").attr("title", "logarithmic scale"));
    tag("figure").class("chart").attr("data-chart", index.to_string()).child(caption).child(plot(chart))
}

/// What each colour and each kind of line stands for.
fn legend(charts: &Charts, names: &[String]) -> Tag {
    let runs = (0..charts.runs).map(|run| {
        tag("button")
            .attr("type", "button")
            .attr("data-run", run.to_string())
            .attr("aria-pressed", "true")
            .child(mark(run, charts.runs))
            .text(&names[run])
    });
    let is_one = charts.runs == 1;
    let splits = charts.splits().into_iter().map(|split| {
        let hue = charts.all.iter().flat_map(|chart| &chart.series).find(|series| series.split == split);
        let style = format!("--h:{}", hue.filter(|_| is_one).map_or(0, |series| series.hue));
        let class = format!("key {}{}", split.replace('/', "-"), if is_one { "" } else { " plain" });
        let label = if split == "teacher/dev" { "teacher on dev" } else { split };
        tag("button")
            .attr("type", "button")
            .attr("data-split", split)
            .attr("aria-pressed", "true")
            .child(tag("span").class(&class).attr("style", style))
            .text(label)
    });
    let splits = tag("div").class("legend").children(splits);
    if is_one { splits } else { tag("div").child(tag("div").class("legend").children(runs)).child(splits) }
}
