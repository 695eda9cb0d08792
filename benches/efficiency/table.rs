//! The table.

use std::fmt::Write as _;

use runner::record::host;

use super::{SUBJECTS, Took};

/// What every point took.
pub fn table(profile: &str, rows: &[(usize, [Took; 6])], rounds: usize) -> String {
    let mut text = format!(
        "# SSAMBA and SSAST beside PyTorch\n\nThe {profile} models at rest, a clip at a time; seconds are the median of {rounds} (1 for PyTorch beyond 4,000 \
         patches), megabytes the peak of a process of its own beyond its libraries. `cargo bench --bench efficiency`; {} with {} cores.\n\n| patches |",
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    for subject in SUBJECTS {
        _ = write!(text, " {0}, s | MB |", subject.words);
    }
    text.push_str("\n|---:|");
    SUBJECTS.iter().for_each(|_| text.push_str("---:|---:|"));
    text.push('\n');
    for (tokens, took) in rows {
        _ = write!(text, "| {tokens} |");
        for took in took {
            _ = match took {
                Took::Measured { secs, megabytes } => write!(text, " {secs:.3} | {megabytes:.0} |"),
                Took::NotRun => write!(text, " not run | would not fit |"),
                Took::Absent => write!(text, " – | – |"),
            };
        }
        text.push('\n');
    }
    text
}
