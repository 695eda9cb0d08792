//! The top of the page: what ran, when, on what machine, how it ended, and what is missing.

use std::collections::BTreeSet;

use super::html::{Tag, tag};
use super::record::Record;
use super::runs::{headline, is_better, metrics};
use super::{Page, Section, differences, mark};
use crate::record::{Identity, RunState, Status, units};
use crate::report::column::heading;

/// Options that may stand for a run's name; more would be no name.
const MOST_SETTINGS: usize = 3;
/// Numbers shown large.
const CARDS: usize = 6;
/// Different values of a fact that are listed.
const MOST_VALUES: usize = 4;

/// What each run is called on the page: its name, and where that is not enough the options in which it differs from its namesakes.
pub(super) fn names(records: &[Record]) -> Vec<String> {
    let called = |record: &Record| record.run.identity.name.clone();
    let is_one_name = records.iter().all(|record| called(record) == called(&records[0]));
    let mut names: Vec<String> = records
        .iter()
        .map(|record| {
            let namesakes: Vec<&Record> =
                records.iter().filter(|other| called(other) == called(record)).collect();
            match namesakes.len() {
                1 => called(record),
                _ => {
                    let settings = settings(record, &namesakes);
                    if is_one_name && !settings.is_empty() {
                        settings
                    } else {
                        format!("{} {settings}", called(record)).trim_end().to_owned()
                    }
                }
            }
        })
        .collect();
    let taken = names.clone();
    for (record, name) in records.iter().zip(&mut names) {
        if taken.iter().filter(|other| *other == name).count() > 1 || name.is_empty() {
            *name = record.folder_name();
        }
    }
    names
}

/// `max_lr=0.001 seed=1`; nothing where runs differ in too much.
fn settings(record: &Record, namesakes: &[&Record]) -> String {
    let differing = differences::between(namesakes);
    if differing.len() > MOST_SETTINGS {
        return String::new();
    }
    let setting = |path: &String| {
        let value = differences::value(record, path).unwrap_or_else(|| "–".into());
        differences::setting(path, &value)
    };
    differing.iter().map(setting).collect::<Vec<_>>().join(" ")
}

/// The element `head`: nothing in it is loaded, and nothing may be.
pub(super) fn meta(title: &str) -> Tag {
    const NOTHING_LOADED: &str = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
    let named = |name: &str, content: &str| tag("meta").attr("name", name).attr("content", content);
    tag("head")
        .child(tag("meta").attr("charset", "utf-8"))
        .child(tag("meta").attr("http-equiv", "Content-Security-Policy").attr("content", NOTHING_LOADED))
        .child(named("viewport", "width=device-width, initial-scale=1"))
        .child(named("generator", "runner report"))
        .child(tag("title").text(format!("{title} · runner")))
        .child(tag("style").raw(include_str!("page.css")))
        .child(tag("script").raw(include_str!("theme.js")))
}

/// The bar that leads to the sections.
pub(super) fn bar(sections: &[Section]) -> Tag {
    let links = sections
        .iter()
        .map(|section| tag("a").attr("href", format!("#{}", section.id)).text(section.heading));
    let toggle = tag("button")
        .attr("type", "button")
        .attr("id", "theme")
        .class("scripted")
        .attr("title", "light or dark")
        .text("◐");
    tag("nav").child(tag("div").class("links").children(links)).child(toggle)
}

pub(super) fn head(page: &Page) -> Tag {
    let head = tag("header").child(tag("h1").text(&page.title));
    let head = match &page.records[..] {
        [record] => head.children(description(record)).child(ending(record)).children(cards(record)),
        records => head.child(standings(records)).children(best(page)),
    };
    head.children(notes(page)).child(facts(page))
}

fn description(record: &Record) -> Option<Tag> {
    let written = differences::value(record, "description")?;
    let text = serde_json::from_str(&written).unwrap_or(written);
    (!text.is_empty()).then(|| tag("p").class("description").text(text))
}

/// How it ended, or where it is.
fn ending(record: &Record) -> Tag {
    let line = tag("p").child(badge(record)).text(" ");
    let Some(status) = &record.run.status else {
        return line.text("it never started, or its status is missing");
    };
    let mut said = format!("at update {} of {}", units::count(status.step), units::count(status.max_steps));
    if let Some(secs) = status.wall_secs {
        said.push_str(&format!(", after {}", units::duration(secs)));
    }
    if let Some(cause) = &status.cause {
        said.push_str(&format!(": {cause}"));
    }
    line.text(said)
}

pub(super) fn badge(record: &Record) -> Tag {
    let state = state(record);
    tag("span").class(&format!("badge {state}")).text(state)
}

fn state(record: &Record) -> &'static str {
    record.run.status.as_ref().map_or("new", |status| status.state.name())
}

/// The numbers that it is about.
fn cards(record: &Record) -> Option<Tag> {
    let status = record.run.status.as_ref()?;
    let shown = metrics(std::slice::from_ref(record));
    let card = |name: &String| {
        let value = units::metric(name, *status.metrics.get(name)?);
        let said = tag("span").class("of").text(heading(name));
        Some(tag("div").class("card").child(tag("span").class("value").text(value)).child(said))
    };
    let cards: Vec<Tag> = shown.iter().filter_map(card).take(CARDS).collect();
    (!cards.is_empty()).then(|| tag("div").class("cards").children(cards))
}

/// `18 finished · 1 failed`.
fn standings(records: &[Record]) -> Tag {
    let mut line = tag("p").text(format!("{} runs: ", records.len()));
    for state in ["finished", "running", "interrupted", "failed", "new"] {
        let count = records.iter().filter(|record| self::state(record) == state).count();
        if count > 0 {
            line = line
                .child(tag("span").class(&format!("badge {state}")).text(format!("{count} {state}")))
                .text(" ");
        }
    }
    line
}

/// The best of several runs, by the first metric that they share.
fn best(page: &Page) -> Option<Tag> {
    let metric = headline(&page.records)?;
    let value = |run: usize| {
        page.records[run].run.status.as_ref().and_then(|status| status.metrics.get(&metric)).copied()
    };
    let mut judged: Vec<(usize, f64)> =
        (0..page.records.len()).filter_map(|run| Some((run, value(run)?))).collect();
    judged.sort_by(|one, other| one.1.total_cmp(&other.1));
    let (run, value) = if is_better(&metric, 0.0, 1.0) { *judged.first()? } else { *judged.last()? };
    let names = names(&page.records);
    let said = format!("best {} of {}", heading(&metric), judged.len());
    let card = tag("div").class("card").child(tag("span").class("value").text(units::metric(&metric, value)));
    let card = card.child(tag("span").class("of").text(said));
    let card = card.child(tag("span").class("who").child(mark(run, names.len())).text(&names[run]));
    Some(tag("div").class("cards").child(card))
}

/// What a reader has to know before trusting the rest.
fn notes(page: &Page) -> Option<Tag> {
    let names = names(&page.records);
    let mut notes: Vec<Tag> = page.notes.iter().map(|note| tag("li").text(note)).collect();
    for (run, record) in page.records.iter().enumerate() {
        let name = || if names.len() == 1 { tag("span") } else { tag("b").text(format!("{}: ", names[run])) };
        let said = record.run.status.as_ref().filter(|_| names.len() > 1).and_then(unfinished);
        notes.extend(said.map(|said| tag("li").child(name()).text(said)));
        notes.extend(record.missing.iter().map(|missing| tag("li").child(name()).text(missing)));
    }
    (!notes.is_empty()).then(|| tag("ul").class("notes").children(notes))
}

fn unfinished(status: &Status) -> Option<String> {
    if status.state == RunState::Finished {
        return None;
    }
    let at = format!(
        "{} at update {} of {}",
        status.state.name(),
        units::count(status.step),
        units::count(status.max_steps)
    );
    Some(match &status.cause {
        Some(cause) => format!("{at}: {cause}"),
        None => at,
    })
}

/// Who, when, where; of several runs what they share or have a few of, and the rest with each one's configuration.
fn facts(page: &Page) -> Tag {
    let runs = || page.records.iter().map(|record| &record.run.identity);
    let all = |of: fn(&Identity) -> String| distinct(runs().map(of));
    let started =
        runs().map(|run| run.started.as_str()).filter(|time| !time.is_empty()).min().unwrap_or_default();
    let ended = runs().filter_map(|run| run.finished.as_deref()).max().unwrap_or_default();
    let mut facts = vec![
        ("experiment", all(|run| run.experiment.clone())),
        ("profile", all(|run| run.profile.clone().unwrap_or_default())),
    ];
    if page.records.len() == 1 {
        facts.extend([
            ("command", all(command)),
            ("seeds", all(seeds)),
            ("continues", all(|run| run.parent.clone().unwrap_or_default())),
        ]);
    }
    facts.extend([
        ("started", time(started)),
        ("ended", time(ended)),
        ("machine", all(machine)),
        ("computed on", all(computed)),
        ("program", all(program)),
        ("page made", time(&page.made)),
    ]);
    list(facts)
}

/// What is not the same for all runs of a page.
pub(super) fn own_facts(run: &Identity) -> Tag {
    list(vec![
        ("command", command(run)),
        ("seeds", seeds(run)),
        ("continues", run.parent.clone().unwrap_or_default()),
        ("started", time(&run.started)),
        ("ended", time(run.finished.as_deref().unwrap_or_default())),
        ("machine", machine(run)),
        ("program", program(run)),
    ])
}

fn list(facts: Vec<(&str, String)>) -> Tag {
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    tag("dl")
        .class("facts")
        .children(facts.flat_map(|(name, value)| [tag("dt").text(name), tag("dd").text(value)]))
}

fn command(run: &Identity) -> String {
    run.argv.join(" ")
}

fn seeds(run: &Identity) -> String {
    run.seeds.iter().map(|(name, seed)| format!("{name} {seed}")).collect::<Vec<_>>().join(", ")
}

fn program(run: &Identity) -> String {
    let commit: Option<String> = run.git_sha.as_ref().map(|sha| sha.chars().take(10).collect());
    match commit {
        Some(commit) => format!("runner {}, commit {commit}", run.version),
        None if run.version.is_empty() => String::new(),
        None => format!("runner {}", run.version),
    }
}

fn distinct(values: impl Iterator<Item = String>) -> String {
    let values: BTreeSet<String> = values.filter(|value| !value.is_empty()).collect();
    let shown: Vec<&str> = values.iter().take(MOST_VALUES).map(String::as_str).collect();
    match values.len().saturating_sub(MOST_VALUES) {
        0 => shown.join(" · "),
        more => format!("{} · and {more} more", shown.join(" · ")),
    }
}

fn machine(run: &Identity) -> String {
    let host = &run.host;
    let cores = host.cores.map(|cores| format!("{cores} cores"));
    let memory = host.memory_bytes.map(|bytes| format!("{} of memory", units::bytes(bytes)));
    let parts = [Some(host.name.clone()), Some(host.system.clone()), host.cpu.clone(), cores, memory];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn computed(run: &Identity) -> String {
    let threads = match run.threads {
        0 => None,
        1 => Some("1 thread".to_owned()),
        more => Some(format!("{more} threads")),
    };
    let parts = [Some(run.device.clone()), threads, Some(run.precision.clone())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// `2026-11-21 07:34:59 UTC`.
fn time(utc: &str) -> String {
    utc.strip_suffix('Z').map_or_else(|| utc.to_owned(), |time| format!("{} UTC", time.replace('T', " ")))
}
