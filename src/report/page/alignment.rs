//! Which frames of a recording each symbol of its text was given, by a model of speech.

use serde_json::{Map, Value};

use super::html::{Tag, px, tag};
use super::{Page, Section, mark};

/// Utterances shown of a run, the worst first.
const SHOWN: usize = 4;
/// The picture, and the room in it for symbols at its left and for frames below.
const SIZE: [f64; 2] = [560.0, 300.0];
const ROOM: [f64; 2] = [30.0, 20.0];
/// Letters that are still read.
const LEAST_LETTER: f64 = 6.0;

/// Symbols with the frames of each, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alignment {
    symbols: Vec<String>,
    durations: Vec<usize>,
}

impl Alignment {
    /// The name and the alignment in a line of preds.jsonl; `None` where it has none.
    pub(super) fn of(object: &Map<String, Value>) -> Option<(String, Self)> {
        let list = |key: &str| object.get(key).and_then(Value::as_array);
        let frames = |value: &Value| value.as_u64().and_then(|frames| u32::try_from(frames).ok());
        let durations: Option<Vec<u32>> = list("durations")?.iter().map(frames).collect();
        let durations: Vec<usize> = durations?.into_iter().map(|frames| frames as usize).collect();
        let symbol = |symbol: &Value| symbol.as_str().unwrap_or_default().to_owned();
        let symbols = list("symbols").map_or_else(Vec::new, |symbols| symbols.iter().map(symbol).collect());
        let name = object.get("name")?.as_str()?.to_owned();
        (!durations.is_empty()).then_some((name, Alignment { symbols, durations }))
    }

    /// The first frame of each symbol, and behind them all the number of frames.
    fn starts(&self) -> Vec<usize> {
        let mut starts = vec![0];
        for duration in &self.durations {
            starts.push(starts[starts.len() - 1] + duration);
        }
        starts
    }

    /// Text downwards, frames to the right: a bar for each symbol.
    fn picture(&self) -> Tag {
        let ([width, height], [left, below]) = (SIZE, ROOM);
        let starts = self.starts();
        let frames = starts[starts.len() - 1];
        let row = (height - below) / self.durations.len() as f64;
        let x = |frame: usize| left + (width - left) * frame as f64 / frames.max(1) as f64;
        let text = |x: f64, y: f64, anchor: &str, said: &str| {
            tag("text").attr("x", px(x)).attr("y", px(y)).attr("text-anchor", anchor).text(said)
        };
        let mut svg = tag("svg")
            .class("alignment")
            .attr("viewBox", format!("0 0 {} {}", px(width), px(height)))
            .attr("role", "img")
            .attr("aria-label", "symbols of the text downwards, frames to the right");
        for (at, span) in starts.windows(2).enumerate() {
            let top = row * at as f64;
            svg = svg.child(
                tag("rect")
                    .attr("x", px(x(span[0])))
                    .attr("y", px(top))
                    .attr("width", px(x(span[1]) - x(span[0])))
                    .attr("height", px(row)),
            );
            if let Some(symbol) = self.symbols.get(at).filter(|_| row >= LEAST_LETTER) {
                svg = svg.child(
                    text(left - 6.0, top + 0.8 * row, "end", symbol).attr("font-size", px(row.min(12.0))),
                );
            }
        }
        let foot = height - 4.0;
        svg.child(text(left, foot, "start", "0").attr("font-size", "12"))
            .child(text(width, foot, "end", &format!("{frames} frames")).attr("font-size", "12"))
    }
}

pub(super) fn section(page: &Page, names: &[String]) -> Option<Section> {
    let runs: Vec<Tag> = (0..page.records.len()).filter_map(|run| of_run(page, run, names)).collect();
    let hint = "Text downwards, frames to the right: the frames of the recording that each symbol was given.";
    let section = || Section::new("alignments", "Alignments").child(tag("p").class("hint").text(hint));
    (!runs.is_empty()).then(|| section().children(runs))
}

fn of_run(page: &Page, run: usize, names: &[String]) -> Option<Tag> {
    let alignments = &page.records[run].alignments;
    let worst = page.worst(SHOWN).into_iter().filter(|(of, _)| *of == run).map(|(_, name)| name);
    let figures: Vec<Tag> = worst
        .filter_map(|name| {
            let picture = alignments.get(&name)?.picture();
            let caption = tag("figcaption").child(tag("span").class("name").text(&name));
            let clip = page.clips.get(&(run, name)).map(|clip| clip.tag());
            Some(tag("figure").class("aligned").child(caption).child(picture).children(clip))
        })
        .collect();
    let title = tag("h3").child(mark(run, names.len())).text(&names[run]);
    (!figures.is_empty()).then(|| {
        let figures = tag("div").class("charts").children(figures);
        tag("div").children((names.len() > 1).then_some(title)).child(figures)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(line: Value) -> Option<(String, Alignment)> {
        Alignment::of(line.as_object().unwrap())
    }

    /// Bars go down and to the right, each beginning where the one before ends: text and frames run together.
    #[test]
    fn bars_follow_each_other() {
        let (name, alignment) =
            of(json!({"name": "u", "durations": [2, 1, 3], "symbols": ["o", "n", "."]})).unwrap();
        assert_eq!((name.as_str(), alignment.starts()), ("u", vec![0, 2, 3, 6]));
        let made = alignment.picture().into_string();
        let number = |bar: &str, key: &str| -> f64 {
            bar.split(&format!(" {key}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let bars: Vec<[f64; 4]> = made
            .split("<rect")
            .skip(1)
            .map(|bar| ["x", "y", "width", "height"].map(|key| number(bar, key)))
            .collect();
        assert_eq!(bars.len(), 3);
        for pair in bars.windows(2) {
            let [[x, y, width, height], [next_x, next_y, ..]] = [pair[0], pair[1]];
            assert!((next_x - x - width).abs() < 0.11 && (next_y - y - height).abs() < 0.11, "{made}");
        }
        assert!(made.contains(">o</text>") && made.contains(">6 frames</text>"), "{made}");
    }

    #[test]
    fn what_is_no_alignment_is_none() {
        assert_eq!(of(json!({"name": "u", "durations": []})), None);
        assert_eq!(of(json!({"name": "u", "durations": [1, -1]})), None);
        assert_eq!(of(json!({"name": "u", "mse": 1.0})), None);
        assert_eq!(of(json!({"durations": [1]})), None);
    }
}
