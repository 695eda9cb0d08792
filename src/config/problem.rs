//! A mistake in what was written: what, where, why, and what to do about it.
//!
//! Nothing here prints. A [`Problem`] is data (the fields of `check --json`) and knows how to lay itself out as text;
//! [`Problems`] is all that was found in one pass. This file is also the register of the codes: a code, once
//! published, keeps its meaning. Rooms above that find problems of their own make their codes with [`Code::new`].

use std::fmt;

use serde::{Serialize, Serializer};

/// A stable name for one kind of mistake, for `explain` and for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    id: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

impl Code {
    /// A code `id` (a letter and three digits, for example `E002`) that stands for `meaning`, and what to do about it.
    pub const fn new(id: &'static str, meaning: &'static str, remedy: &'static str) -> Self {
        Self { id, meaning, remedy }
    }

    /// The code as printed, for example `E002`.
    pub fn id(self) -> &'static str {
        self.id
    }

    /// What kind of mistake it is, in one sentence.
    pub fn meaning(self) -> &'static str {
        self.meaning
    }
}

impl Code {
    /// What to do about it, in general.
    pub fn remedy(self) -> &'static str {
        self.remedy
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

/// E001.
pub const SYNTAX: Code = Code::new(
    "E001",
    "The text is not TOML.",
    "The place shown is where reading stopped; the cause is there or just before it: a missing quote, bracket or `=`.",
);
/// E002.
pub const UNKNOWN_KEY: Code = Code::new(
    "E002",
    "No option of this name exists in this place.",
    "`runner explain NAME` finds an option by any part of its name; `schemas/reference.md` lists them all.",
);
/// E003.
pub const WRONG_TYPE: Code = Code::new(
    "E003",
    "The value is of another type than the option takes.",
    "Strings are quoted, numbers and `true`/`false` are not, lists stand in brackets. On the command line quotes may be left out.",
);
/// E004.
pub const NOT_ALLOWED: Code = Code::new(
    "E004",
    "The value is outside the option's range or form.",
    "`runner explain KEY` prints the range.",
);
/// E005.
pub const UNKNOWN_CHOICE: Code = Code::new(
    "E005",
    "The value is none of the option's choices.",
    "`runner explain KEY` prints what each choice does.",
);
/// E006.
pub const ONE_VARIANT: Code = Code::new(
    "E006",
    "A table that takes exactly one choice has none or several.",
    "Keep one table, for example `[model.wav2vec2]`; to replace a base's choice, name the other one.",
);
/// E007.
pub const MISSING_KEY: Code = Code::new(
    "E007",
    "No layer sets an option that has no default.",
    "Set it in the file, a base, a profile, or with `-s`.",
);
/// E008.
pub const UNREADABLE: Code = Code::new(
    "E008",
    "A file is missing or cannot be read as text.",
    "Paths on the command line are relative to where you are, those in `extends` to the file they stand in.",
);
/// E009.
pub const EXTENDS_CYCLE: Code = Code::new(
    "E009",
    "A file extends itself, directly or through others.",
    "Take one of the files that the message names out of the circle; move what they share into a third.",
);
/// E010.
pub const UNKNOWN_PROFILE: Code = Code::new(
    "E010",
    "No profile of this name exists in the file or its bases.",
    "Profiles are the tables `[profile.NAME]`; the message lists those there are.",
);
/// E011.
pub const MALFORMED_OVERRIDE: Code = Code::new(
    "E011",
    "An override is not written as `key=value`.",
    "Write `-s train.max_lr=3e-4`, `-s 'model.wav2vec2.conv_dim=[64, 64]'`, or `--hparams \"batch_size=8,max_lr=3e-4\"`.",
);
/// E012.
pub const AMBIGUOUS_NAME: Code = Code::new(
    "E012",
    "A bare name stands for several options.",
    "Write the one you mean with its tables, for example `train.max_steps`.",
);
/// E013.
pub const NOT_TYPED: Code = Code::new(
    "E013",
    "The merged values do not form an experiment.",
    "Each layer is sound by itself, but together they are not; `runner show --origin` tells which file set what.",
);
/// E014.
pub const PROFILE_CYCLE: Code = Code::new(
    "E014",
    "A profile inherits itself, directly or through others.",
    "Take one of the `inherits` that the message names out of the circle.",
);

/// E015.
pub const IS_SWEEP: Code = Code::new(
    "E015",
    "The experiment has a `[sweep]`: it is many runs, not one.",
    "`runner sweep FILE` runs them all, `runner sweep FILE --dry-run` lists them; one of them is the plain experiment with the options that the list shows.",
);
/// E016.
pub const NO_SWEEP: Code = Code::new(
    "E016",
    "The parts of a `[sweep]` do not fit together, or it has no points.",
    "An option is one axis at most; lists that are zipped have one length; what is excluded names axes and their values.",
);

/// Every code of this room, in order.
pub const CODES: [Code; 16] = [
    SYNTAX,
    UNKNOWN_KEY,
    WRONG_TYPE,
    NOT_ALLOWED,
    UNKNOWN_CHOICE,
    ONE_VARIANT,
    MISSING_KEY,
    UNREADABLE,
    EXTENDS_CYCLE,
    UNKNOWN_PROFILE,
    MALFORMED_OVERRIDE,
    AMBIGUOUS_NAME,
    NOT_TYPED,
    PROFILE_CYCLE,
    IS_SWEEP,
    NO_SWEEP,
];

/// One mistake.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// Its kind.
    pub code: Code,
    /// The file, or the argument or variable (`-s train.max_lr`, `--hparams`, `RUNNER__RUN__SEED`).
    pub file: String,
    /// Line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 with line 0.
    pub col: usize,
    /// Characters concerned, on that line.
    pub len: usize,
    /// Dotted path of the option, for example `train.max_lr`.
    pub path: String,
    /// What is wrong: a lower-case fragment with literals in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The text of the line, for showing it.
    #[serde(skip)]
    pub excerpt: String,
    /// Whether `file` is a file with lines, not an argument or a variable.
    #[serde(skip)]
    pub numbered: bool,
}

impl Problem {
    /// Where it is: `file:line:col`, or the argument.
    pub fn place(&self) -> String {
        match (self.numbered, self.line) {
            (true, 1..) => format!("{}:{}:{}", self.file, self.line, self.col),
            _ => self.file.clone(),
        }
    }

    /// The same problem with a word of advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error[{}]: {}", self.code.id(), self.message)?;
        let number = if self.numbered { self.line.to_string() } else { " ".to_owned() };
        let margin = " ".repeat(number.len());
        writeln!(out, "{margin}--> {}", self.place())?;
        if self.line > 0 && !(self.excerpt.is_empty() && self.col > 1) {
            let indent = " ".repeat(self.col.saturating_sub(1));
            writeln!(out, "{margin} |")?;
            writeln!(out, "{number} | {}", self.excerpt)?;
            writeln!(out, "{margin} | {indent}{}", "^".repeat(self.len.clamp(1, self.excerpt.len().max(1))))?;
        }
        if let Some(help) = &self.help {
            writeln!(out, "{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// Everything wrong that one pass found; never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// In the order of reading: file by file as they first appear, from top to bottom.
    pub fn sorted(mut problems: Vec<Problem>) -> Self {
        let mut files: Vec<String> = Vec::new();
        for problem in &problems {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        let rank = |problem: &Problem| files.iter().position(|file| *file == problem.file);
        problems.sort_by_key(|problem| (rank(problem), problem.line, problem.col));
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(out, "{problem}")?;
        }
        match self.0.len() {
            1 => write!(out, "1 error"),
            count => write!(out, "{count} errors"),
        }
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
