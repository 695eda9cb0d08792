//! STM, NIST's segment time marks: one line for each stretch of a recording, with its words.
//!
//! `talk channel speaker start end label words…`; lines starting with `;;` are comments. Which line makes which
//! utterance, and where it is cut, follows the reference, so that names and lengths are the published ones.

/// The text of a segment that counts for nothing.
const IGNORED: &str = "ignore_time_segment_in_scoring";

/// Fields before the words.
const FIELDS: usize = 6;

/// A segment that becomes an utterance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment<'a> {
    /// Its line, from 0; it counts every line of the file and is part of the utterance's name.
    pub index: usize,
    /// In samples at the prepared rate.
    pub start: u64,
    pub end: u64,
    /// The words as they stand there.
    pub text: &'a str,
}

/// A line that cannot be used, from 1, and why.
pub(super) type Problem = (u64, String);

/// Reads the file of `talk`: segments that are scored, and the lines that cannot be used.
pub(super) fn parse<'a>(bytes: &'a [u8], talk: &str, rate_hz: u32) -> (Vec<Segment<'a>>, Vec<Problem>) {
    let (mut segments, mut problems) = (Vec::new(), Vec::new());
    for (index, line) in bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|&byte| byte == b'\n').enumerate() {
        let segment = std::str::from_utf8(line)
            .map_err(|_| "it is not UTF-8".to_owned())
            .and_then(|line| segment(index, line.trim(), talk, rate_hz));
        match segment {
            Ok(segment) => segments.extend(segment),
            Err(why) => problems.push((index as u64 + 1, why)),
        }
    }
    (segments, problems)
}

fn segment<'a>(index: usize, line: &'a str, talk: &str, rate_hz: u32) -> Result<Option<Segment<'a>>, String> {
    if line.is_empty() || line.starts_with(";;") {
        return Ok(None);
    }
    let mut rest = line;
    let mut fields = [""; FIELDS];
    for field in &mut fields {
        (*field, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = rest.trim_start();
    }
    let [of, channel, _speaker, start, end, _label] = fields;
    if rest.eq_ignore_ascii_case(IGNORED) {
        return Ok(None);
    }
    if of != talk {
        return Err(format!("it is about `{of}`, not `{talk}`"));
    }
    if channel != "1" {
        return Err(format!("its channel is `{channel}`, not `1`"));
    }
    if rest.is_empty() {
        return Err("it has no words".to_owned());
    }
    let (start, end) = (samples(start, rate_hz)?, samples(end, rate_hz)?);
    if start >= end {
        return Err(format!("it lasts from sample {start} to {end}"));
    }
    Ok(Some(Segment { index, start, end, text: rest }))
}

/// Seconds as samples, cut off to whole ones.
fn samples(secs: &str, rate_hz: u32) -> Result<u64, String> {
    match secs.parse::<f64>() {
        Ok(found) if (0.0..1e6).contains(&found) => Ok((found * f64::from(rate_hz)).trunc() as u64),
        _ => Err(format!("`{secs}` is no time in seconds")),
    }
}
