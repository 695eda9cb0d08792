//! Finding commands in a README: lines that call a Python program, whatever fences stand around them.
//!
//! Published READMEs have fences of two backticks over several lines, single backticks around a command and its line end, and the like. So
//! fences are not paired: a command begins where a line or a backtick is followed by a launcher, and ends at its line's end or a backtick.

use std::ops::Range;

const LAUNCHERS: [&str; 9] =
    ["python", "python3", "accelerate", "torchrun", "bash", "sh", "sbatch", "srun", "nohup"];

/// Where the commands of a README are.
pub fn commands(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in starts(text) {
        if found.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let end = end(text, start);
        if is_command(&text[start..end]) {
            found.push(start..end);
        }
    }
    found
}

/// First bytes of lines, without what Markdown and prompts put before them, and bytes after backticks.
fn starts(text: &str) -> Vec<usize> {
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let ticks = text.match_indices('`').map(|(at, _)| at + 1);
    let mut starts: Vec<usize> = lines
        .chain(ticks)
        .map(|at| {
            let rest = text[at..].trim_start_matches([' ', '\t', '>', '`', '$', '%']);
            text.len() - rest.len()
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The end of the command that begins at `start`: of its line and those that continue it, or a backtick.
fn end(text: &str, start: usize) -> usize {
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        if let Some(tick) = line.find('`') {
            return end + tick;
        }
        end += line.len();
        let continued = line.trim_end().ends_with('\\');
        if !continued && !text[end..].trim_start_matches([' ', '\t']).starts_with("--") {
            break;
        }
    }
    end
}

fn is_command(text: &str) -> bool {
    let assigns = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let mut words = text.split_whitespace().skip_while(|word| assigns(word));
    let launches = words.next().is_some_and(|word| LAUNCHERS.contains(&word));
    let calls = text.split_whitespace().any(|word| word.ends_with(".py"));
    launches && calls && text.split_whitespace().any(|word| word.starts_with('-') || word.contains('='))
}

/// The command's text with its own line ends made spaces, so that wrapped flags stay with it; as long as before.
pub fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\n') {
        joined.push_str(&rest[..at]);
        let continued = rest[..at].trim_end().ends_with('\\');
        let wrapped = rest[at + 1..].trim_start().starts_with("--");
        joined.push(if wrapped && !continued { ' ' } else { '\n' });
        rest = &rest[at + 1..];
    }
    joined + rest
}

#[cfg(test)]
mod tests {
    use super::{commands, joined};

    #[test]
    fn broken_fences_and_prompts_are_survived() {
        let text = "Run it:\n``\npython a.py --x 1\n``\nor `python b.py --y 2\n`, or\n```sh\n$ python3 c.py \\\n  --z 3\n  --w 4\n```\n\
                    Use python d.py for the rest, or `sed -i`.\n";
        let found: Vec<&str> = commands(text).into_iter().map(|span| text[span].trim_end()).collect();
        assert_eq!(found, ["python a.py --x 1", "python b.py --y 2", "python3 c.py \\\n  --z 3\n  --w 4"]);
        assert_eq!(joined(found[2]), "python3 c.py \\\n  --z 3   --w 4");
    }
}
