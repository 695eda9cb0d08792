//! The table.

use std::fmt::Write as _;

use runner::record::host;

use super::{SUBJECTS, Size, Took};

/// What every point took, and what the published claim comes to here.
pub fn table(size: Size, rows: &[(usize, [Took; 5])], rounds: usize) -> String {
    let mut text = format!(
        "# SSAMBA and SSAST over the length of a clip\n\nThe {} models, all layers at rest, a clip of random patches at a batch of 1; seconds are the median of \
         {rounds} (1 for PyTorch beyond 4,000 patches), megabytes the peak of a process of its own beyond its libraries. `cargo bench --bench efficiency`; {} \
         with {} cores.\n\n![time and memory](ssamba_efficiency.svg)\n\n| patches |",
        size.name,
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    for subject in SUBJECTS {
        _ = write!(text, " {0}, s | MB |", subject.words);
    }
    text.push_str("\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (tokens, took) in rows {
        _ = write!(text, "| {tokens} |");
        for took in took {
            _ = match took {
                Took::Measured { secs, megabytes } => write!(text, " {secs:.3} | {megabytes:.0} |"),
                Took::Foreseen { megabytes } => write!(text, " predicted, not run | ≥ {megabytes:.0} |"),
                Took::Absent => write!(text, " – | – |"),
            };
        }
        text.push('\n');
    }
    if let Some((tokens, took)) = rows.last() {
        text.push_str(&claim(*tokens, took));
    }
    text
}

/// Shares of time and memory at the longest clip.
fn claim(tokens: usize, [ours, tiled, torch, naive, _]: &[Took; 5]) -> String {
    let Took::Measured { secs, megabytes } = *ours else { return String::new() };
    let mut text = format!("\nAt {tokens} patches our SSAMBA takes");
    if let Took::Measured { secs: other, megabytes: more } = naive {
        let [time, memory] = [100.0 * secs / other, 100.0 * megabytes / more];
        _ = write!(
            text,
            " {time:.1} % of the time and {memory:.1} % of the memory of SSAST with materialised scores (published, on a GPU at a batch of 4: 7.3 % and 4.6 %);"
        );
    }
    if let Took::Measured { secs: other, .. } = tiled {
        _ = write!(text, " {:.2} of the time of our SSAST;", secs / other);
    }
    if let Took::Measured { secs: other, .. } = torch {
        _ = write!(text, " 1/{:.0} of the time of SSAMBA in PyTorch;", other / secs);
    }
    text.pop();
    text + ".\n"
}
