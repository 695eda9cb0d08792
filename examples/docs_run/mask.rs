//! When what a page shows is what a command said. Numbers that are of one machine or one moment count for nothing; all others have to be equal:
//!
//! - `…` in the page is anything, on one line or many;
//! - a number with a unit of time, of speed or of memory (`0.086 s`, `1 min 26 s`, `16,900 samples/s`, `379 MB`) is any such number;
//! - eight hexadecimal digits, as a run's name ends with, are any eight;
//! - spaces that line columns up are one space, lines drawn under a heading are of any length, and colours are not there.

/// What follows a number that may be another.
const UNITS: [&str; 24] = [
    "s",
    "ms",
    "µs",
    "min",
    "h",
    "days",
    "B",
    "kB",
    "MB",
    "GB",
    "kiB",
    "MiB",
    "GiB",
    "samples/s",
    "frames/s",
    "GFLOP/s",
    "GFLOP",
    "GB/s",
    "steps/s",
    "kB/s",
    "MB/s",
    "×",
    "updates/s",
    "clips/s",
];

/// Whether `said` is what is `shown`.
pub fn agree(shown: &str, said: &str) -> bool {
    let (shown, said) = (masked(shown), masked(said));
    let mut parts = shown.split('…').map(str::trim);
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.trim().is_empty() || last.is_some_and(|last| last.is_empty() || rest.ends_with(last))
}

/// The text with all that may differ taken out.
fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| words(line).join(" "));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_end_matches([',', ';', ':', '.', ')']);
        if UNITS.contains(&bare)
            && let Some(number) = words.last_mut().filter(|before| is_number(before))
        {
            "#".clone_into(number);
            // `1 min 26 s` is a time like `26 s`.
            if let [.., first, "min" | "h", _] = words.iter().map(String::as_str).collect::<Vec<_>>()[..]
                && first == "#"
            {
                words.truncate(words.len() - 2);
            }
        }
        let line = word.trim_end_matches('…');
        words.push(match !line.is_empty() && line.chars().all(|c| c == '─') {
            true => word.replace(line, "─"),
            false => without_hashes(word),
        });
    }
    words
}

fn is_number(word: &str) -> bool {
    let word = word.trim_start_matches(['(', '~', '≤']);
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || ".,".contains(c))
}

/// Eight hexadecimal digits behind a `-`, as runs are called.
fn without_hashes(word: &str) -> String {
    let mut kept = String::new();
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once('-') {
        kept += before;
        kept.push('-');
        let digits = behind.chars().take_while(|c| c.is_ascii_hexdigit()).count();
        rest = if digits == 8 { &behind[8..] } else { behind };
        if digits == 8 {
            kept.push('#');
        }
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rates_and_hashes_may_differ_and_nothing_else() {
        assert!(agree("run-0123abcd  5.6 %  0.08 s\n", "run-ffff0000 5.6 % 12 s\n"));
        assert!(!agree("run-0123abcd  5.6 %", "run-0123abcd  5.7 %"));
        assert!(!agree("3 runs", "4 runs"));
        assert!(agree("1 min 26 s, 379 MB\n", "38 min 2 s, 1,390 MB\n"));
        assert!(agree("took 1 min 26 s in all", "took 59 s in all") && !agree("1 min 26 s", "4 runs 26 s"));
        assert!(!agree("a\nb\n", "a\nb\nc\n"));
        assert!(agree("a\n…\nc\n", "a\nb\nb\nc\n") && agree("loss … of", "loss 2.3 of"));
        assert!(!agree("a\n…\nd\n", "a\nb\nc\n"));
        // A table of runs of which the first columns are shown.
        assert!(agree("run  …\n───  ───…\nx  …\n", "run  step\n───  ─────  ──\nx  4  y\n"));
    }
}
