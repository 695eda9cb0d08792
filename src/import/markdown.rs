//! Finding commands in a README: lines that call a Python program, whatever fences stand around them.
//!
//! Published READMEs have fences of two backticks over several lines, single backticks around a command and its line end, and the like. So
//! fences are not paired: a command begins where a line or a backtick is followed by a launcher, and ends at its line's end or a backtick.

use std::ops::Range;

const LAUNCHERS: [&str; 9] =
    ["python", "python3", "accelerate", "torchrun", "bash", "sh", "sbatch", "srun", "nohup"];

/// Bytes after which no further line belongs to a command.
const LONGEST: usize = 1 << 13;

/// Where the commands of a README are.
pub fn commands(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // What is launched and is no command has none inside of it either: it is looked at once.
    let mut passed = 0;
    for start in starts(text) {
        if start < passed || !launches(&text[start..]) {
            continue;
        }
        passed = end(text, start);
        if is_command(&text[start..passed]) {
            found.push(start..passed);
        }
    }
    found
}

/// First bytes of lines, without what Markdown and prompts put before them, and bytes after backticks.
fn starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    // What was stepped over is stepped over once: a row of backticks leads to one place.
    let mut reached = 0;
    for at in std::iter::once(0).chain(text.match_indices(['\n', '`']).map(|(at, _)| at + 1)) {
        if at < reached {
            continue;
        }
        let rest = text[at..].trim_start_matches([' ', '\t', '>', '`', '$', '%']);
        reached = text.len() - rest.len();
        starts.push(reached);
    }
    starts.dedup();
    starts
}

/// The end of the command that begins at `start`: of its line and those that continue it, or a backtick.
fn end(text: &str, start: usize) -> usize {
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        if end - start > LONGEST {
            break;
        }
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

/// Whether a text begins with a launcher, behind assignments for it alone.
fn launches(text: &str) -> bool {
    const MOST_ASSIGNMENTS: usize = 64;
    let assigns = |word: &&str| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    // What begins with a line's end has nothing in this line, and those after it begin for themselves.
    if text.starts_with(char::is_whitespace) {
        return false;
    }
    let mut words = text.split_whitespace().take(MOST_ASSIGNMENTS).skip_while(assigns);
    words.next().is_some_and(|word| LAUNCHERS.contains(&word))
}

fn is_command(text: &str) -> bool {
    launches(text)
        && text.split_whitespace().any(|word| word.ends_with(".py"))
        && text.split_whitespace().any(|word| word.starts_with('-') || word.contains('='))
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
