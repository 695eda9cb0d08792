//! Runs as one page that opens from disk: curves, tables, mistakes, sounds, configuration, all in one file of HTML.
//!
//! [`Record::read`] takes everything a page tells out of a run's folder and notes what is missing; [`Page::html`] says it. Curves are drawn
//! here as SVG, so the page shows them without a program; `page.js` makes them answer to a pointer. Nothing is loaded from anywhere.
//! Not for: finding runs, or the sound of a corpus (`cli` brings both), writing the file. Start at [`Page`]; the parts of a page are
//! files of this folder, in the order of [`Page::html`].

mod alignment;
mod chart;
mod confusion;
mod curves;
mod differences;
mod efficiency;
mod figure;
mod head;
mod html;
mod judged;
mod log;
mod media;
mod mistakes;
mod plot;
mod record;
mod runs;
mod settings;
mod sounds;
mod study;
#[cfg(test)]
mod tests;
mod thin;
mod trend;

pub use figure::Figure;
pub use html::{escaped, shortened};
pub use media::Clip;
pub use record::Record;

use std::collections::BTreeMap;

use self::chart::Charts;
use self::html::{Tag, tag};
use self::judged::Group;
use super::error::ReportError;

/// What a page is made of.
#[derive(Debug, Default)]
pub struct Page {
    /// What it is called: a run's or a sweep's name, for example.
    pub title: String,
    /// When it was made, UTC.
    pub made: String,
    pub records: Vec<Record>,
    pub figures: Vec<Figure>,
    /// Sound of utterances by run, counted from 0, and name; see [`Page::worst`].
    pub clips: BTreeMap<(usize, String), Clip>,
    /// Generated sounds shown of each run.
    pub sounds: usize,
    /// What else has to be said: runs that were left out, for example.
    pub notes: Vec<String>,
}

impl Page {
    /// The utterances with most mistakes, `most` of each list that runs were judged on, by run and name: those worth hearing.
    #[must_use]
    pub fn worst(&self, most: usize) -> Vec<(usize, String)> {
        let groups = judged::groups(&self.records);
        let named = |group: &Group| {
            let run = group.runs[0];
            let names = group.utterances.iter().take(most.min(group.shown()));
            names.map(|utterance| (run, utterance.name.clone())).collect::<Vec<_>>()
        };
        groups.iter().flat_map(named).collect()
    }

    /// The page.
    ///
    /// # Errors
    /// The table of runs cannot be made.
    pub fn html(&self) -> Result<String, ReportError> {
        let names = head::names(&self.records);
        let charts = Charts::of(&self.records);
        let differing = differences::differing(&self.records);
        let sections = [
            study::section(&self.records)?,
            runs::section(&self.records, &names, &differing)?,
            curves::section(&charts, &names),
            self.figures_section(),
            confusion::section(&self.records, &names),
            mistakes::section(self, &names),
            alignment::section(self, &names),
            sounds::section(self, &names),
            differences::section(&self.records, &names, &differing),
            efficiency::section(&self.records, &names, &charts),
            settings::section(&self.records, &names, &differing),
            log::section(&self.records, &names),
        ];
        let sections: Vec<Section> = sections.into_iter().flatten().collect();
        let body = tag("body")
            .child(head::bar(&sections))
            .child(tag("main").child(head::head(self)).children(sections.into_iter().map(Section::into_tag)))
            .child(data(&charts, &names))
            .child(tag("script").raw(include_str!("page.js")));
        let html = tag("html").attr("lang", "en").child(head::meta(&self.title)).child(body);
        Ok(format!("<!doctype html>\n{}\n", html.into_string()))
    }

    fn figures_section(&self) -> Option<Section> {
        let figures = self.figures.iter().map(Figure::tag);
        (!self.figures.is_empty()).then(|| Section::new("figures", "Figures").children(figures))
    }
}

/// A part of the page that the bar at its top leads to.
struct Section {
    id: &'static str,
    heading: &'static str,
    body: Tag,
}

impl Section {
    fn new(id: &'static str, heading: &'static str) -> Self {
        Section { id, heading, body: tag("section").attr("id", id).child(tag("h2").text(heading)) }
    }

    fn child(self, child: Tag) -> Self {
        Section { body: self.body.child(child), ..self }
    }

    fn children(self, children: impl IntoIterator<Item = Tag>) -> Self {
        Section { body: self.body.children(children), ..self }
    }

    fn into_tag(self) -> Tag {
        self.body
    }
}

/// What the page's program draws curves from.
fn data(charts: &Charts, names: &[String]) -> Tag {
    let value = charts.json(names);
    tag("script").attr("type", "application/json").attr("id", "data").raw(&html::json(&value))
}

/// A run's number and colour, as legends and tables show it.
fn mark(run: usize, runs: usize) -> Tag {
    let style = format!("--h:{}", chart::hue(run, runs));
    tag("span").class("mark").attr("style", style).text((run + 1).to_string())
}
