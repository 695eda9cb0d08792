//! scenes.svg: what was heard in each second of a clip, beside what there was.
//!
//! A band of colours for the truth and one for the answers; seconds that differ are framed. For looking at, in a report or by itself; the
//! numbers are in preds.jsonl. Start at [`write`].

use std::fmt::Write as _;
use std::path::Path;

use super::error::RecordError;
use super::folder::write_whole;

/// Clips that are drawn; more would be looked at by nobody.
const SHOWN: usize = 12;
/// Sizes in pixels.
const LEFT: usize = 150;
const TOP: usize = 34;
const SECOND: usize = 16;
const BAND: usize = 14;
const GAP: usize = 12;
/// Width of a name in the legend.
const ENTRY: usize = 140;

/// One clip, its classes by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    pub name: String,
    /// What there was in each second, and what was heard.
    pub seconds: Vec<(String, String)>,
}

/// Draws the first clips to `path`; nothing where there are none.
///
/// # Errors
/// The file system refused.
pub fn write(path: &Path, scenes: &[Scene]) -> Result<(), RecordError> {
    if scenes.is_empty() {
        return Ok(());
    }
    write_whole(path, svg(scenes).as_bytes())
}

/// The picture.
fn svg(scenes: &[Scene]) -> String {
    let shown = &scenes[..scenes.len().min(SHOWN)];
    let mut classes: Vec<&str> =
        scenes.iter().flat_map(|scene| &scene.seconds).flat_map(|(a, b)| [&**a, &**b]).collect();
    classes.sort_unstable();
    classes.dedup();
    let longest = shown.iter().map(|scene| scene.seconds.len()).max().unwrap_or(0);
    let width = (LEFT + longest * SECOND + 20).max(LEFT + 3 * ENTRY);
    let across = (width - LEFT) / ENTRY;
    let legend = classes.len().div_ceil(across) * 18;
    let clip = 2 * BAND + GAP;
    let height = TOP + legend + shown.len() * clip + 10;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"18\" font-size=\"13\">second by second: above what there was, below what was heard; framed where they differ</text>\n"
    );
    for (index, class) in classes.iter().enumerate() {
        let (x, y) = (LEFT + index % across * ENTRY, TOP + index / across * 18);
        let (colour, class) = (colour(index, classes.len()), escaped(class));
        _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{class}</text>",
            x + 17,
            y + 10
        );
    }
    for (index, scene) in shown.iter().enumerate() {
        let y = TOP + legend + index * clip;
        _ = writeln!(out, "<text x=\"10\" y=\"{}\">{}</text>", y + BAND + 4, escaped(&scene.name));
        for (second, (truth, heard)) in scene.seconds.iter().enumerate() {
            let x = LEFT + second * SECOND;
            let fill = |class: &str| colour(classes.binary_search(&class).unwrap_or(0), classes.len());
            let square = |y: usize, class: &str, frame: &str| {
                let (colour, class) = (fill(class), escaped(class));
                format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{SECOND}\" height=\"{BAND}\" fill=\"{colour}\"{frame}><title>{second} s: {class}</title></rect>"
                )
            };
            let frame = if truth == heard { "" } else { " stroke=\"#000000\" stroke-width=\"1.5\"" };
            _ = writeln!(out, "{}{}", square(y, truth, ""), square(y + BAND, heard, frame));
        }
    }
    out += "</svg>\n";
    out
}

/// Colours as far apart on the wheel as there are classes, two lightnesses in turn.
fn colour(index: usize, classes: usize) -> String {
    let hue = index * 360 / classes.max(1);
    format!(
        "hsl({hue},{}%,{}%)",
        if index.is_multiple_of(2) { 65 } else { 80 },
        if index.is_multiple_of(2) { 45 } else { 65 }
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_is_drawn_twice_and_a_mistake_is_framed() {
        let seconds = [("dog", "dog"), ("a<b", "dog"), ("siren", "siren")];
        let seconds = seconds.map(|(truth, heard)| (truth.to_owned(), heard.to_owned())).to_vec();
        let picture = svg(&[Scene { name: "stream & 1".into(), seconds }]);
        assert_eq!(picture.matches("<title>").count(), 6);
        assert_eq!(picture.matches("stroke=\"#000000\"").count(), 1);
        assert!(
            picture.contains("<title>1 s: a&lt;b</title>") && picture.contains("stream &amp; 1"),
            "{picture}"
        );
    }
}
