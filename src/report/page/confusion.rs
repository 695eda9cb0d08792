//! What classifiers took for what, as pictures.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::html::{Tag, px, shortened, tag};
use super::judged::{ClassNames, pairs};
use super::record::Record;
use super::{Section, mark};
use crate::record::preds::Confused;

/// Classes that a picture has room for.
const MOST_CLASSES: usize = 60;
/// The most frequent mistakes that are named beside it.
const MISTAKES: usize = 8;
/// Of a class's name, this much stands at its row and column.
const CLASS_CHARS: usize = 18;

/// How often each class was taken for each, for one head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    head: usize,
    classes: Vec<String>,
    /// [truth, prediction].
    counts: Vec<Vec<u64>>,
}

/// Names of classes by number. confusion.csv has the names and preds.jsonl the numbers of the same pairs in the same order; where the two
/// are not of one judgement, classes have no names.
pub(super) fn class_names(predictions: &[Map<String, Value>], confusions: &[Confused]) -> ClassNames {
    let counted = counted(predictions);
    let agree = counted.len() == confusions.len()
        && counted.iter().zip(confusions).all(|((key, count), row)| key.0 == row.head && *count == row.count);
    let mut names = ClassNames::new();
    if agree {
        for ((head, truth, taken), row) in counted.keys().zip(confusions) {
            names.insert((*head, *truth), row.truth.clone());
            names.insert((*head, *taken), row.prediction.clone());
        }
    }
    names
}

fn counted(predictions: &[Map<String, Value>]) -> BTreeMap<(usize, usize, usize), u64> {
    let mut counted = BTreeMap::new();
    for (head, truth, taken) in predictions.iter().flat_map(pairs) {
        if let (Ok(truth), Ok(taken)) = (usize::try_from(truth), usize::try_from(taken)) {
            *counted.entry((head, truth, taken)).or_default() += 1;
        }
    }
    counted
}

impl Matrix {
    /// One for each head; of confusion.csv, and of preds.jsonl where that is missing.
    pub(super) fn of(
        predictions: &[Map<String, Value>],
        confusions: &[Confused],
        names: &ClassNames,
    ) -> Vec<Self> {
        let mut rows: Vec<Confused> = confusions.to_vec();
        if rows.is_empty() {
            let called =
                |head, class| names.get(&(head, class)).cloned().unwrap_or_else(|| class.to_string());
            rows.extend(counted(predictions).into_iter().map(|((head, truth, taken), count)| Confused {
                head,
                truth: called(head, truth),
                prediction: called(head, taken),
                count,
            }));
        }
        let mut heads: BTreeMap<usize, Vec<&Confused>> = BTreeMap::new();
        for row in &rows {
            heads.entry(row.head).or_default().push(row);
        }
        heads.into_iter().map(|(head, rows)| Matrix::of_head(head, &rows)).collect()
    }

    fn of_head(head: usize, rows: &[&Confused]) -> Self {
        // Rows are in the order of class numbers; classes that are never right come last.
        let mut classes: Vec<String> = Vec::new();
        for name in rows.iter().map(|row| &row.truth).chain(rows.iter().map(|row| &row.prediction)) {
            if !classes.contains(name) {
                classes.push(name.clone());
            }
        }
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        let at = |name: &String| classes.iter().position(|class| class == name);
        for row in rows {
            if let (Some(truth), Some(taken)) = (at(&row.truth), at(&row.prediction)) {
                counts[truth][taken] = sum([counts[truth][taken], row.count]);
            }
        }
        Matrix { head, classes, counts }
    }

    /// The part of the classes with most mistakes, where there are too many for a picture.
    fn shown(&self) -> Matrix {
        let wrong = |class: usize| -> u64 {
            let others = (0..self.classes.len()).filter(|other| *other != class);
            sum(others.flat_map(|other| [self.counts[class][other], self.counts[other][class]]))
        };
        let mut kept: Vec<usize> = (0..self.classes.len()).collect();
        kept.sort_by_key(|&class| std::cmp::Reverse(wrong(class)));
        kept.truncate(MOST_CLASSES);
        kept.sort_unstable();
        let row = |&truth: &usize| kept.iter().map(|&taken| self.counts[truth][taken]).collect();
        Matrix {
            head: self.head,
            classes: kept.iter().map(|&class| self.classes[class].clone()).collect(),
            counts: kept.iter().map(row).collect(),
        }
    }

    /// Right and all.
    fn right(&self) -> (u64, u64) {
        let right = sum((0..self.classes.len()).map(|class| self.counts[class][class]));
        (right, sum(self.counts.iter().flatten().copied()))
    }

    /// The most frequent mistakes: how often, what, for what.
    fn mistakes(&self) -> Vec<(u64, &str, &str)> {
        let mut mistakes: Vec<(u64, &str, &str)> = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            for (taken, &count) in
                row.iter().enumerate().filter(|(taken, count)| *taken != truth && **count > 0)
            {
                mistakes.push((count, &self.classes[truth], &self.classes[taken]));
            }
        }
        mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.0));
        mistakes.truncate(MISTAKES);
        mistakes
    }
}

/// Of counts that a file may claim to be of any size.
fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

pub(super) fn section(records: &[Record], names: &[String]) -> Option<Section> {
    let shown: Vec<usize> = (0..records.len()).filter(|&run| !records[run].matrices.is_empty()).collect();
    let parts: Vec<Tag> = shown
        .iter()
        .map(|&run| {
            let matrices =
                records[run].matrices.iter().map(|matrix| part(matrix, records[run].matrices.len()));
            let body = tag("div").class("matrices").children(matrices);
            if names.len() == 1 {
                return body;
            }
            let summary = tag("summary").child(mark(run, names.len())).text(&names[run]);
            tag("details").flag("open", shown.first() == Some(&run)).child(summary).child(body)
        })
        .collect();
    (!parts.is_empty()).then(|| Section::new("confusion", "Confusions").children(parts))
}

fn part(matrix: &Matrix, heads: usize) -> Tag {
    let (right, all) = matrix.right();
    let shown = matrix.shown();
    let which = if heads > 1 { format!("Head {}: ", matrix.head) } else { String::new() };
    let mut said = format!("{which}{right} of {all} right.");
    if shown.classes.len() < matrix.classes.len() {
        said.push_str(&format!(
            " The {} of {} classes with most mistakes are shown.",
            shown.classes.len(),
            matrix.classes.len()
        ));
    }
    let mistakes = matrix.mistakes().into_iter().map(|(count, truth, taken)| {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        tag("li").text(format!("{truth} taken for {taken}, {times}"))
    });
    let list = tag("ul").class("plain").children(mistakes);
    let caption = tag("div").class("aside").child(tag("p").text(said)).child(list);
    tag("div").class("matrix").child(tag("div").class("wide").child(picture(&shown))).child(caption)
}

/// Right classes downwards, taken ones to the right; as dark as the share of its row, right ones in another colour.
fn picture(matrix: &Matrix) -> Tag {
    let size = matrix.classes.len();
    let cell: f64 = match size {
        0..=15 => 30.0,
        16..=40 => 16.0,
        _ => 11.0,
    };
    let letters = matrix.classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).min(18) as f64;
    let font = (cell * 0.75).min(13.0);
    let margin = letters * font * 0.62 + 10.0;
    let side = margin + cell * size as f64 + 2.0;
    let mut svg = tag("svg")
        .class("confusion")
        .attr("viewBox", format!("0 0 {} {}", px(side), px(side)))
        .attr("width", px(side))
        .attr("height", px(side))
        .attr("font-size", px(font))
        .attr("role", "img")
        .attr("aria-label", "right classes downwards, taken ones to the right");
    for (at, class) in matrix.classes.iter().enumerate() {
        let middle = margin + cell * (at as f64 + 0.5);
        let down = px(middle + font * 0.35);
        svg = svg.child(
            tag("text")
                .attr("x", px(margin - 5.0))
                .attr("y", down)
                .attr("text-anchor", "end")
                .text(shortened(class, CLASS_CHARS)),
        );
        let turned = format!("translate({} {}) rotate(-90)", px(middle + font * 0.35), px(margin - 5.0));
        svg = svg.child(tag("text").attr("transform", turned).text(shortened(class, CLASS_CHARS)));
    }
    let (from, all) = (px(margin), px(cell * size as f64));
    let ground =
        tag("rect").class("none").attr("x", &from).attr("y", &from).attr("width", &all).attr("height", &all);
    svg = svg.children((cell < 20.0).then_some(ground));
    for (truth, row) in matrix.counts.iter().enumerate() {
        let all = sum(row.iter().copied());
        for (taken, &count) in row.iter().enumerate() {
            let place = [margin + cell * taken as f64, margin + cell * truth as f64];
            svg = svg.children(square(matrix, [truth, taken], count, all, place, cell));
        }
    }
    svg
}

fn square(
    matrix: &Matrix,
    [truth, taken]: [usize; 2],
    count: u64,
    all: u64,
    [x, y]: [f64; 2],
    cell: f64,
) -> Option<Tag> {
    let share = count as f64 / all.max(1) as f64;
    let class = if truth == taken { "right" } else { "wrong" };
    // Of large matrices, empty squares are left to the ground.
    if count == 0 && cell < 20.0 {
        return None;
    }
    let rect = tag("rect")
        .class(if count == 0 { "none" } else { class })
        .attr("x", px(x))
        .attr("y", px(y))
        .attr("width", px(cell - 1.0))
        .attr("height", px(cell - 1.0));
    if count == 0 {
        return Some(rect);
    }
    // Even a rare mistake is seen.
    let opacity = format!("{:.2}", 0.15 + 0.85 * share);
    let said = format!("{} taken for {}: {count} of {all}", matrix.classes[truth], matrix.classes[taken]);
    let group = tag("g").child(tag("title").text(said)).child(rect.attr("fill-opacity", opacity));
    let number = (cell >= 20.0).then(|| {
        let class = if share > 0.55 { "on" } else { "off" };
        let at = [px(x + cell / 2.0 - 0.5), px(y + cell / 2.0 + 4.0)];
        tag("text")
            .class(class)
            .attr("x", &at[0])
            .attr("y", &at[1])
            .attr("text-anchor", "middle")
            .text(count.to_string())
    });
    Some(group.children(number))
}
