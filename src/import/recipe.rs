//! Following a recipe without executing it: which programs would it call, with which words?

use std::cell::Cell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::call::absent;
use super::expand::{Bound, Variables, arithmetic, expand};
use super::lexer::{Piece, Raw, tokens};
use super::parser::{Assignment, Given, Statement, statements};
use super::problem::{ABSENT_SCRIPT, BEYOND_SHELL, Fault};
use super::word::Word;
use crate::config::{Problem, Source};

/// Reads a file that a recipe names.
pub type Read<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

/// A program called.
#[derive(Debug, Clone)]
pub struct Command {
    pub words: Vec<Word>,
    /// The loops it stands in, outermost first: the variable and its value this time.
    pub axes: Vec<(String, String)>,
}

/// What following a text came to.
#[derive(Default)]
pub struct Followed {
    pub commands: Vec<Command>,
    pub problems: Vec<Problem>,
}

/// Commands that no experiment depends on.
#[rustfmt::skip]
const HOUSEKEEPING: [&str; 24] = [
    "set", "source", ".", "conda", "mkdir", "echo", "printf", "module", "sleep", "wait", "cd", "pip", "pip3", "git", "wget", "curl",
    "nvidia-smi", "hostname", "date", "ls", "rm", "cp", "ln", "unset",
];
const TOO_MANY: usize = 10_000;
const TOO_DEEP: usize = 4;
/// Statements, and bytes of the words and lists that they come to: what doubles itself in every line is given up.
const TOO_MUCH: usize = 1 << 22;
/// A word's share of it besides its letters: it knows where each of them was written.
const WORD: usize = 12;

/// Follows the part of `source` that begins at byte `offset`; `dir` is where recipes that it calls are looked for.
pub fn follow(text: &str, offset: usize, source: &Arc<Source>, dir: &Path, read: Read) -> Followed {
    let mut recipe = Recipe {
        source: source.clone(),
        dir: dir.to_owned(),
        read,
        variables: Variables::new(),
        axes: Vec::new(),
        depth: 0,
        turns: 0,
        work: Cell::new(0),
        followed: Followed::default(),
        seen: HashSet::new(),
    };
    recipe.run(&statements(tokens(text, offset)));
    if recipe.is_too_much() {
        recipe.problem(too_long(source));
    } else if recipe.turns > TOO_MANY {
        let message = format!("its loops take more than {TOO_MANY} turns");
        let problem = source.problem_throughout(BEYOND_SHELL, "text", message);
        recipe.problem(problem.with_help("import one of the commands, with the values filled in"));
    }
    recipe.followed
}

fn too_long(source: &Source) -> Fault {
    let problem = source.problem_throughout(BEYOND_SHELL, "text", "following it takes too long".into());
    problem.with_help("import one of the commands, with the values filled in").into()
}

struct Recipe<'a> {
    source: Arc<Source>,
    dir: PathBuf,
    read: Read<'a>,
    variables: Variables,
    axes: Vec<(String, String)>,
    depth: usize,
    /// Turns of all loops so far.
    turns: usize,
    /// Statements followed and bytes filled in so far.
    work: Cell<usize>,
    followed: Followed,
    /// Problems said already: a loop comes by the same place again and again.
    seen: HashSet<(String, usize, usize)>,
}

impl Recipe<'_> {
    fn problem(&mut self, problem: impl Into<Fault>) {
        let problem = problem.into();
        if self.seen.insert((problem.file.clone(), problem.line, problem.col)) {
            self.followed.problems.push(*problem);
        }
    }

    fn beyond(&mut self, span: std::ops::Range<usize>, what: &str) {
        self.problem(self.unread(span, what));
    }

    fn unread(&self, span: std::ops::Range<usize>, what: &str) -> Fault {
        let problem = self.source.problem(BEYOND_SHELL, span, "", format!("{what} is not read"));
        problem.with_help("import the command itself, with the values filled in").into()
    }

    /// What branches that are not followed would have set is unknown for the same reason, and no mistake of its own.
    fn forget(&mut self, names: Vec<String>, problem: &Fault) {
        let unknown = names.into_iter().map(|name| (name, Bound::Unknown(problem.clone())));
        self.variables.extend(unknown);
    }

    fn is_too_much(&self) -> bool {
        self.work.get() > TOO_MUCH
    }

    fn worked(&self, much: usize) {
        self.work.set(self.work.get().saturating_add(much));
    }

    fn run(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.worked(1);
            if self.is_too_much() {
                return;
            }
            match statement {
                Statement::Command { assignments, words } => self.command(assignments, words),
                Statement::For { variable, items, body } => self.each(variable, items, body),
                Statement::Count { text, span, body } => match counted(text, &self.variables) {
                    Some((variable, values)) => self.repeat(&variable, &values, body),
                    None => self.beyond(span.clone(), "this loop"),
                },
                Statement::If { branches, otherwise } => self.choose(branches, otherwise),
                Statement::Beyond { what, span } => self.beyond(span.clone(), what),
                Statement::Unread { what, span, branches } => {
                    let problem = self.unread(span.clone(), what);
                    self.forget(assigned(branches), &problem);
                    self.problem(problem);
                }
            }
        }
    }

    fn expand(&self, raw: &Raw) -> Result<Vec<Word>, Fault> {
        if self.is_too_much() {
            return Err(too_long(&self.source));
        }
        let words = expand(raw, &self.variables, &self.source);
        self.worked(words.as_ref().map_or(1, |words| words.iter().map(|word| WORD + word.text.len()).sum()));
        words
    }

    fn texts(&self, raws: &[Raw]) -> Result<Vec<String>, Fault> {
        let words: Vec<Vec<Word>> = raws.iter().map(|raw| self.expand(raw)).collect::<Result<_, _>>()?;
        Ok(words.into_iter().flatten().map(|word| word.text).collect())
    }

    fn each(&mut self, variable: &str, items: &[Raw], body: &[Statement]) {
        match self.texts(items) {
            Ok(values) => self.repeat(variable, &values, body),
            Err(problem) => self.problem(problem),
        }
    }

    fn repeat(&mut self, variable: &str, values: &[String], body: &[Statement]) {
        for value in values {
            self.turns += 1;
            if self.turns > TOO_MANY || self.is_too_much() {
                return;
            }
            self.variables.insert(variable.to_owned(), Bound::Text(value.clone()));
            self.axes.push((variable.to_owned(), value.clone()));
            self.run(body);
            self.axes.pop();
        }
    }

    fn choose(&mut self, branches: &[(Vec<Raw>, Vec<Statement>)], otherwise: &[Statement]) {
        for (condition, body) in branches {
            match self.holds(condition) {
                Ok(true) => return self.run(body),
                Ok(false) => {}
                Err(problem) => {
                    let bodies = branches.iter().map(|(_, body)| body.as_slice()).chain([otherwise]);
                    self.forget(bodies.flat_map(assigned).collect(), &problem);
                    return self.problem(problem);
                }
            }
        }
        self.run(otherwise);
    }

    /// Whether `[ a == b ]` or `[[ a == *b* ]]` holds.
    fn holds(&self, condition: &[Raw]) -> Result<bool, Fault> {
        let span =
            condition.first().map_or(0..0, |first| first.span.start..condition[condition.len() - 1].span.end);
        let beyond = |what: &str| {
            let problem = self.source.problem(BEYOND_SHELL, span.clone(), "", format!("{what} is not read"));
            Fault::from(
                problem.with_help("import the command of the branch you mean, with the values filled in"),
            )
        };
        let inner = match condition {
            [open, inner @ .., close] if open.is("[") && close.is("]") || open.is("[[") && close.is("]]") => {
                inner
            }
            _ => return Err(beyond("a condition that is no comparison")),
        };
        let one = |raw: &Raw| Ok::<_, Fault>(self.texts(std::slice::from_ref(raw))?.join(" "));
        let [left, operator, right] = inner else {
            return match inner {
                [test, word] if test.is("-z") => Ok(one(word)?.is_empty()),
                [test, word] if test.is("-n") => Ok(!one(word)?.is_empty()),
                _ => Err(beyond("a condition on what lies on the disk")),
            };
        };
        let (left, pattern) = (one(left)?, right);
        let right = one(right)?;
        let numbers = || Some((left.parse::<i64>().ok()?, right.parse::<i64>().ok()?));
        match (operator.plain().as_deref(), numbers()) {
            (Some("==" | "="), _) => Ok(matches_pattern(&left, pattern, &right)),
            (Some("!="), _) => Ok(!matches_pattern(&left, pattern, &right)),
            (Some("-eq"), Some((a, b))) => Ok(a == b),
            (Some("-ne"), Some((a, b))) => Ok(a != b),
            (Some("-lt"), Some((a, b))) => Ok(a < b),
            (Some("-le"), Some((a, b))) => Ok(a <= b),
            (Some("-gt"), Some((a, b))) => Ok(a > b),
            (Some("-ge"), Some((a, b))) => Ok(a >= b),
            _ => Err(beyond("this comparison")),
        }
    }

    fn command(&mut self, assignments: &[Assignment], words: &[Raw]) {
        if words.is_empty() {
            return assignments.iter().for_each(|assignment| self.assign(assignment));
        }
        let program = words[0].plain().unwrap_or_default();
        let named = |ending: &str| words.iter().any(|word| ends_with(word, ending));
        let module = program.starts_with("python") && words.iter().any(|word| word.is("-m"));
        if HOUSEKEEPING.contains(&program.as_str()) || !(named(".py") || named(".sh") || module) {
            return;
        }
        let expanded: Result<Vec<Vec<Word>>, Fault> = words.iter().map(|word| self.expand(word)).collect();
        match expanded {
            Err(problem) => self.every_problem(words, problem),
            Ok(words) => self.call(words.into_iter().flatten().collect()),
        }
    }

    /// All that is wrong with a command's words, not the first alone.
    fn every_problem(&mut self, words: &[Raw], first: Fault) {
        self.problem(first);
        let problems: Vec<Fault> = words.iter().filter_map(|word| self.expand(word).err()).collect();
        problems.into_iter().for_each(|problem| self.problem(problem));
        let programs: Vec<Word> = words.iter().filter_map(|word| self.expand(word).ok()?.pop()).collect();
        programs.iter().filter_map(absent).for_each(|problem| self.problem(problem));
    }

    fn call(&mut self, words: Vec<Word>) {
        let python = words.iter().position(|word| word.text.ends_with(".py"));
        let recipe = words.iter().position(|word| word.text.ends_with(".sh"));
        match recipe {
            Some(at) if python.is_none_or(|python| at < python) => self.nested(&words, at),
            _ => self.followed.commands.push(Command { words, axes: self.axes.clone() }),
        }
    }

    /// Follows a recipe that this one calls.
    fn nested(&mut self, words: &[Word], at: usize) {
        let name = &words[at];
        if self.depth == TOO_DEEP {
            return self.problem(name.problem(BEYOND_SHELL, "recipes call each other without end"));
        }
        let beside = self.dir.join(&name.text);
        let text = (self.read)(&beside).map(|text| (beside, text));
        let text =
            text.or_else(|_| (self.read)(Path::new(&name.text)).map(|text| (name.text.clone().into(), text)));
        let Ok((path, text)) = text else {
            let message = format!("`{}` is called, but is not there", name.text);
            let help = "give the recipe from the folder it lies in";
            return self.problem(name.problem(ABSENT_SCRIPT, message).with_help(help));
        };
        let arguments = words[at + 1..].iter().enumerate();
        let variables = arguments
            .map(|(index, word)| ((index + 1).to_string(), Bound::Text(word.text.clone())))
            .collect();
        let (source, dir) =
            (Source::file(path.display().to_string(), text), path.parent().unwrap_or(Path::new("")));
        let (source, dir) = (Arc::new(source), dir.to_owned());
        self.worked(source.text().len());
        let parsed = statements(tokens(source.text(), 0));
        let outer =
            (self.source.clone(), self.dir.clone(), std::mem::replace(&mut self.variables, variables));
        (self.source, self.dir) = (source, dir);
        self.depth += 1;
        self.run(&parsed);
        self.depth -= 1;
        (self.source, self.dir, self.variables) = outer;
    }

    fn assign(&mut self, assignment: &Assignment) {
        let name = assignment.name.clone();
        match &assignment.value {
            Given::List(items) => match self.texts(items) {
                Ok(items) => {
                    let mut list = match self.variables.get(&name) {
                        Some(Bound::List(list)) if assignment.adds => list.clone(),
                        _ => Vec::new(),
                    };
                    list.extend(items);
                    self.worked(list.len());
                    self.variables.insert(name, Bound::List(list));
                }
                Err(problem) => self.unassigned(name, problem),
            },
            Given::One(raw) => {
                // A value is not split at spaces.
                let quoted =
                    Raw { pieces: raw.pieces.iter().map(as_quoted).collect(), span: raw.span.clone() };
                match self.texts(&[quoted]) {
                    Ok(words) => {
                        self.variables.insert(name, Bound::Text(words.concat()));
                    }
                    Err(problem) => self.unassigned(name, problem),
                }
            }
        }
    }

    /// What is not read is an error now; what has no value yet is one when it is used.
    fn unassigned(&mut self, name: String, problem: Fault) {
        if problem.code == BEYOND_SHELL {
            self.problem(problem.clone());
        }
        self.variables.insert(name, Bound::Unknown(problem));
    }
}

/// The variables that statements assign, loops and branches included.
fn assigned(statements: &[Statement]) -> Vec<String> {
    let mut names = Vec::new();
    for statement in statements {
        match statement {
            Statement::Command { assignments, words } if words.is_empty() => {
                names.extend(assignments.iter().map(|assignment| assignment.name.clone()));
            }
            Statement::For { body, .. } | Statement::Count { body, .. } => names.extend(assigned(body)),
            Statement::If { branches, otherwise } => {
                names.extend(branches.iter().flat_map(|(_, body)| assigned(body)));
                names.extend(assigned(otherwise));
            }
            Statement::Unread { branches, .. } => names.extend(assigned(branches)),
            Statement::Command { .. } | Statement::Beyond { .. } => {}
        }
    }
    names
}

fn as_quoted(piece: &Piece) -> Piece {
    match piece.clone() {
        Piece::Variable { name, all, default, span, .. } => {
            Piece::Variable { name, all, default, span, quoted: true }
        }
        piece => piece,
    }
}

/// Whether the word's own letters end so.
fn ends_with(word: &Raw, ending: &str) -> bool {
    let letters: String = word
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Letter { letter, .. } => *letter,
            _ => '\u{fffd}',
        })
        .collect();
    letters.ends_with(ending)
}

/// The variable and the values of `i=1;i<=5;i++`.
fn counted(text: &str, variables: &Variables) -> Option<(String, Vec<String>)> {
    let [start, end, step] = text.split(';').collect::<Vec<_>>()[..] else { return None };
    let (name, from) = start.split_once('=')?;
    let name = name.trim();
    let after = end.trim().strip_prefix(name)?.trim_start();
    let (inclusive, to) = match after.strip_prefix("<=") {
        Some(to) => (1, to),
        None => (0, after.strip_prefix('<')?),
    };
    (step.trim() == format!("{name}++")).then_some(())?;
    let (from, to) = (arithmetic(from, variables)?, arithmetic(to, variables)?.checked_add(inclusive)?);
    (to.saturating_sub(from) < TOO_MANY as i64)
        .then(|| (name.to_owned(), (from..to).map(|value| value.to_string()).collect()))
}

/// Whether `text` is `right`, whose unquoted stars in `pattern` stand for anything.
fn matches_pattern(text: &str, pattern: &Raw, right: &str) -> bool {
    let star = |piece: &Piece| matches!(piece, Piece::Letter { letter: '*', quoted: false, .. });
    if !pattern.pieces.iter().any(star) {
        return text == right;
    }
    let parts: Vec<&str> = right.split('*').collect();
    let mut rest = text;
    for (index, part) in parts.iter().enumerate() {
        let found = match index {
            0 => rest.starts_with(part).then_some(0),
            last if last + 1 == parts.len() => return rest.ends_with(part),
            _ => rest.find(part),
        };
        let Some(found) = found else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.is_empty()
}
