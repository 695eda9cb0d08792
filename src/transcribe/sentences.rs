//! Pieces between two times, joined to sentences.

/// Something that was said, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Seconds from the file's beginning.
    pub start: f64,
    /// Likewise.
    pub end: f64,
    pub text: String,
}

/// What ends a sentence, in any of the scripts.
const MARKS: [char; 17] =
    ['.', '!', '?', '…', '。', '！', '？', '．', '｡', '؟', '۔', '।', '॥', '։', '።', '။', '។'];
/// What may stand behind that.
const CLOSING: [char; 12] = ['"', '\'', '”', '’', '»', '›', ')', ']', '」', '』', '）', '】'];

/// Joins segments, whose texts bring their own spaces, until a sentence ends or the next one would make it longer than so many seconds.
///
/// Where a segment has several sentences they stay together: there are no times between them. Texts are trimmed.
pub fn sentences(segments: Vec<Segment>, most_secs: f64) -> Vec<Segment> {
    let mut joined: Vec<Segment> = Vec::new();
    for segment in segments.into_iter().filter(|segment| !segment.text.trim().is_empty()) {
        match joined.last_mut() {
            Some(last) if !is_complete(&last.text) && segment.end - last.start <= most_secs => {
                last.end = segment.end;
                last.text += &segment.text;
            }
            _ => joined.push(segment),
        }
    }
    for segment in &mut joined {
        segment.text = segment.text.trim().to_owned();
    }
    joined
}

/// Whether a sentence ends with the text.
fn is_complete(text: &str) -> bool {
    text.trim_end().trim_end_matches(CLOSING).ends_with(MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(texts: &[&str]) -> Vec<(f64, f64, String)> {
        let segment = |(at, text): (usize, &&str)| Segment {
            start: 10.0 * at as f64,
            end: 10.0 * at as f64 + 9.0,
            text: (*text).to_owned(),
        };
        let segments = sentences(texts.iter().enumerate().map(segment).collect(), 30.0);
        segments.into_iter().map(|segment| (segment.start, segment.end, segment.text)).collect()
    }

    #[test]
    fn a_segment_ends_where_a_sentence_does() {
        assert_eq!(
            joined(&[" He has grave", " doubts.", "  ", " \"Has he?\"", " She", " asked."]),
            [
                (0.0, 19.0, "He has grave doubts.".to_owned()),
                (30.0, 39.0, "\"Has he?\"".to_owned()),
                (40.0, 59.0, "She asked.".to_owned())
            ]
        );
        assert_eq!(joined(&["そう", "です。", "はい"]).len(), 2);
        assert_eq!(joined(&[]), []);
    }

    #[test]
    fn what_never_ends_is_cut_after_half_a_minute() {
        let segments = joined(&[" a", " b", " c", " d", " e"]);
        assert_eq!(segments, [(0.0, 29.0, "a b c".to_owned()), (30.0, 49.0, "d e".to_owned())]);
    }
}
