//! Predictions, worst first: what was meant, what each run made of it, and how it sounded.

use super::html::{Tag, tag};
use super::judged::{Group, Utterance, Verdict, groups};
use super::record::Record;
use super::{Page, Section, mark};
use crate::record::units;
use crate::text::{Difference, word_differences};

pub(super) fn section(page: &Page, names: &[String]) -> Option<Section> {
    let groups = groups(&page.records);
    if groups.is_empty() {
        return None;
    }
    let parts = groups.iter().flat_map(|group| part(page, group, names, groups.len() > 1));
    Some(Section::new("predictions", "Predictions").children(parts))
}

/// The worst utterances of one list.
fn part(page: &Page, group: &Group, names: &[String], is_named: bool) -> Vec<Tag> {
    let first = &page.records[group.runs[0]];
    let mut parts = Vec::new();
    if is_named {
        let runs = group
            .runs
            .iter()
            .flat_map(|&run| [mark(run, names.len()), tag("span").text(format!("{} ", names[run]))]);
        parts.push(tag("h3").children(runs));
    }
    parts.push(tag("p").class("hint").text(head(group, first)));
    let kind = first.verdicts.values().next();
    parts.push(match kind {
        Some(Verdict::Numbers(_)) => numbers(page, group),
        _ => tag("ol").class("judged").children(shown(group).map(|utterance| item(page, group, utterance))),
    });
    parts
}

fn shown(group: &Group) -> impl Iterator<Item = &Utterance> {
    group.utterances.iter().take(group.shown())
}

/// What the list is, in a sentence.
fn head(group: &Group, record: &Record) -> String {
    let (all, shown) = (group.utterances.len(), group.shown());
    let wrong = group.utterances.iter().filter(|utterance| utterance.badness > 0.0).count();
    let list = record.judged_on();
    let order =
        if group.runs.len() > 1 { "those that most runs have wrong come first" } else { "worst first" };
    match record.verdicts.values().next() {
        Some(Verdict::Numbers(_)) => format!("{shown} of {all} utterances of the {list} list, worst first."),
        _ if wrong == 0 => format!("All {all} utterances of the {list} list are right."),
        _ if shown < wrong => {
            format!(
                "{wrong} of {all} utterances of the {list} list have mistakes; {shown} are shown, {order}."
            )
        }
        _ => format!("{wrong} of {all} utterances of the {list} list have mistakes; {order}."),
    }
}

fn item(page: &Page, group: &Group, utterance: &Utterance) -> Tag {
    let name = &utterance.name;
    let verdicts: Vec<(usize, &Verdict)> =
        group.runs.iter().filter_map(|&run| Some((run, page.records[run].verdicts.get(name)?))).collect();
    let title = tag("div")
        .class("utterance")
        .child(tag("span").class("name").text(name))
        .child(tag("span").class("rate").text(rate(&verdicts, utterance)));
    let is_one = group.runs.len() == 1;
    let mut item = tag("li").child(title).children(meant(verdicts.first()).filter(|_| !is_one));
    let of_classes = matches!(verdicts.first(), Some((_, Verdict::Classes(_))));
    let mut lines = tag("div").class(if of_classes && !is_one { "verdicts beside" } else { "verdicts" });
    for (run, verdict) in verdicts {
        let line = tag("div").class("verdict");
        let line = if is_one { line } else { line.child(mark(run, page.records.len())) };
        lines = lines.child(said(line, verdict, is_one));
    }
    item = item.child(lines);
    match page.clips.get(&(group.runs[0], name.clone())) {
        Some(clip) => item.child(clip.tag()),
        None => item,
    }
}

/// What was meant, once for all runs.
fn meant(verdict: Option<&(usize, &Verdict)>) -> Option<Tag> {
    match verdict?.1 {
        Verdict::Transcript { reference, .. } => Some(line("meant", reference)),
        Verdict::Classes(pairs) => {
            let truths: Vec<&str> = pairs.iter().map(|[truth, _]| truth.as_str()).collect();
            Some(line("meant", &truths.join(", ")))
        }
        Verdict::Numbers(_) => None,
    }
}

fn rate(verdicts: &[(usize, &Verdict)], utterance: &Utterance) -> String {
    match verdicts.first() {
        Some((_, Verdict::Transcript { .. })) if verdicts.len() > 1 => {
            format!("mean WER {}", units::percent(utterance.badness))
        }
        Some((_, Verdict::Transcript { .. })) => format!("WER {}", units::percent(utterance.badness)),
        _ if verdicts.len() > 1 => {
            let wrong = verdicts.iter().filter(|(_, verdict)| verdict.badness() > 0.0).count();
            format!("{wrong} of {} runs wrong", verdicts.len())
        }
        _ => String::new(),
    }
}

fn said(lines: Tag, verdict: &Verdict, with_reference: bool) -> Tag {
    match verdict {
        Verdict::Transcript { reference, hypothesis } => {
            let Some(differences) = word_differences(reference, hypothesis) else {
                let meant = with_reference.then(|| line("meant", reference));
                return lines.children(meant).child(line("heard", hypothesis));
            };
            let meant = with_reference.then(|| words("meant", &differences, of_reference));
            lines.children(meant).child(words("heard", &differences, of_hypothesis))
        }
        Verdict::Classes(pairs) => {
            let class = if with_reference { class } else { taken };
            lines.child(tag("p").class("classes").children(pairs.iter().map(class)))
        }
        Verdict::Numbers(_) => lines,
    }
}

fn line(label: &str, text: &str) -> Tag {
    tag("p").class("line").child(tag("span").class("label").text(label)).child(tag("span").text(text))
}

fn words(label: &str, differences: &[Difference], of: fn(&Difference) -> Option<Tag>) -> Tag {
    let said = tag("span");
    let mut said = differences.iter().filter_map(of).fold(said, |said, word| said.child(word).text(" "));
    if differences.iter().all(|difference| of(difference).is_none()) {
        said = said.child(tag("i").text("nothing"));
    }
    tag("p").class("line").child(tag("span").class("label").text(label)).child(said)
}

fn of_reference(difference: &Difference) -> Option<Tag> {
    Some(match difference {
        Difference::Same(word) => tag("span").text(word),
        Difference::Substituted { reference, .. } => tag("mark").class("substituted").text(reference),
        Difference::Deleted(word) => tag("del").text(word),
        Difference::Inserted(_) => return None,
    })
}

fn of_hypothesis(difference: &Difference) -> Option<Tag> {
    Some(match difference {
        Difference::Same(word) => tag("span").text(word),
        Difference::Substituted { reference, hypothesis } => {
            tag("mark").class("substituted").attr("title", format!("for {reference}")).text(hypothesis)
        }
        Difference::Inserted(word) => tag("ins").text(word),
        Difference::Deleted(word) => tag("del").attr("title", "missing").text(word),
    })
}

/// What was taken, marked where it is wrong.
fn taken([truth, taken]: &[String; 2]) -> Tag {
    if truth == taken { tag("span").text(taken) } else { tag("mark").class("substituted").text(taken) }
}

/// `zero`, or `zero taken for nine`.
fn class([truth, taken]: &[String; 2]) -> Tag {
    let pair = tag("span").class("class");
    match truth == taken {
        true => pair.text(truth),
        false => pair
            .text(truth)
            .child(tag("span").class("arrow").text(" taken for "))
            .child(tag("mark").class("substituted").text(taken)),
    }
}

/// Measures of clips, of the first run that has them.
fn numbers(page: &Page, group: &Group) -> Tag {
    let mut columns: Vec<&str> = Vec::new();
    for verdict in group.runs.iter().flat_map(|&run| page.records[run].verdicts.values().take(1)) {
        if let Verdict::Numbers(numbers) = verdict {
            columns.extend(
                numbers
                    .iter()
                    .map(|(key, _)| key.as_str())
                    .filter(|key| !columns.contains(key))
                    .collect::<Vec<_>>(),
            );
        }
    }
    let is_one = group.runs.len() == 1;
    let mut head = tag("tr").child(tag("th").text("utterance"));
    if !is_one {
        head = head.child(tag("th").text("run"));
    }
    let head = head.children(columns.iter().map(|column| tag("th").class("number").text(column)));
    let rows = shown(group).flat_map(|utterance| {
        let columns = &columns;
        group.runs.iter().enumerate().map(move |(at, &run)| {
            let verdict = page.records[run].verdicts.get(&utterance.name);
            let mut row = tag("tr").child(tag("td").text(if at == 0 { &utterance.name } else { "" }));
            if !is_one {
                row = row.child(tag("td").child(mark(run, page.records.len())));
            }
            row.children(columns.iter().map(|column| {
                let value = match verdict {
                    Some(Verdict::Numbers(numbers)) => numbers.iter().find(|(key, _)| key == column),
                    _ => None,
                };
                let said = value.map(|(key, value)| number(key, *value));
                tag("td").class("number").text(said.unwrap_or_else(|| "–".into()))
            }))
        })
    });
    let table = tag("table").child(tag("thead").child(head)).child(tag("tbody").children(rows));
    let clips = shown(group).filter_map(|utterance| {
        let clip = page.clips.get(&(group.runs[0], utterance.name.clone()))?;
        Some(
            tag("div")
                .class("sound")
                .child(tag("span").class("name").text(&utterance.name))
                .child(clip.tag()),
        )
    });
    tag("div").child(tag("div").class("wide").child(table)).child(tag("div").class("sounds").children(clips))
}

fn number(key: &str, value: f64) -> String {
    if value.fract() == 0.0 && value >= 0.0 { units::count(value as u64) } else { units::metric(key, value) }
}
