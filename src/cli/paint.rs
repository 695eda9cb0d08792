//! Colours for what a person reads on standard error, where they are wanted.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::OnceLock;

use super::arguments::Color;

static WANTED: OnceLock<bool> = OnceLock::new();

/// Settles once for this process whether messages are coloured.
pub fn choose(color: Color) {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let wanted = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto => set("CLICOLOR_FORCE") || (!dumb && std::io::stderr().is_terminal()),
    };
    _ = WANTED.set(wanted);
}

/// Diagnostics with their parts in colour: the kind of problem red, margins blue, advice cyan.
pub fn diagnostics(text: &str) -> Cow<'_, str> {
    if !WANTED.get().copied().unwrap_or(false) {
        return text.into();
    }
    text.lines().map(line).collect::<Vec<_>>().join("\n").into()
}

const RED: &str = "\u{1b}[1;31m";
const BLUE: &str = "\u{1b}[34m";
const CYAN: &str = "\u{1b}[36m";
const OFF: &str = "\u{1b}[0m";

fn line(line: &str) -> String {
    let around = |color: &str, part: &str, rest: &str| format!("{color}{part}{OFF}{rest}");
    if let Some(end) = line.find(':').filter(|_| line.starts_with("error")) {
        return around(RED, &line[..end], &line[end..]);
    }
    if let Some(rest) = line.strip_prefix("help:") {
        return around(CYAN, "help", &format!(":{rest}"));
    }
    // The margin of an excerpt: a line number or blanks, then the rule, the arrow or the sign before advice.
    let margin = line.len() - line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).len();
    let (left, rest) = line.split_at(margin);
    match rest {
        _ if margin == 0 => line.to_owned(),
        _ if rest.starts_with("= help:") => {
            format!("{left}{}", around(CYAN, "= help", &rest["= help".len()..]))
        }
        _ if rest.starts_with("--> ") => format!("{left}{}", around(BLUE, "-->", &rest["-->".len()..])),
        _ => match rest.strip_prefix('|') {
            Some(shown) if shown.trim_start().starts_with('^') => {
                format!("{BLUE}{left}|{OFF}{RED}{shown}{OFF}")
            }
            Some(shown) => format!("{BLUE}{left}|{OFF}{shown}"),
            None => line.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{BLUE, CYAN, OFF, RED, line};

    #[test]
    fn parts_are_coloured_and_nothing_is_lost() {
        assert_eq!(line("error[E002]: unknown key"), format!("{RED}error[E002]{OFF}: unknown key"));
        assert_eq!(line(" --> x.toml:3:1"), format!(" {BLUE}-->{OFF} x.toml:3:1"));
        assert_eq!(line("12 | a = 1"), format!("{BLUE}12 |{OFF} a = 1"));
        assert_eq!(line("   | ^^^"), format!("{BLUE}   |{OFF}{RED} ^^^{OFF}"));
        assert_eq!(line("   = help: take it out"), format!("   {CYAN}= help{OFF}: take it out"));
        assert_eq!(line("2 errors"), "2 errors");
    }
}
