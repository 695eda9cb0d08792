//! Transcripts of TED-LIUM as the reference prepares them.

/// The transcript that a model learns from a TED-LIUM line: runs of white space become one space.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_whitespace() {
            false => out.push(c),
            true if out.ends_with(' ') => {}
            true => out.push(' '),
        }
    }
    out
}
