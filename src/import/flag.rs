//! One flag of a published program, and how it is said here.

/// A published program and all that its command line takes.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Its file name; with a folder where two systems have programs of one name.
    pub name: &'static str,
    /// The system it belongs to.
    pub system: &'static str,
    /// What it does, and whether this version can.
    pub about: &'static str,
    /// Its flags, in parts: programs of one system share some.
    pub parts: &'static [&'static [Flag]],
    /// Options inside its `--hparams`.
    pub hparams: &'static [Flag],
    pub style: Style,
    /// What it does whatever its command says, as options here with their values in TOML.
    pub fixed: &'static [(&'static str, &'static str)],
}

impl Script {
    /// Its flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static Flag> + Clone + use<> {
        self.parts.iter().copied().flatten()
    }
}

/// How a program's arguments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `--flag value`, as Python's argparse reads it.
    Argparse,
    /// `key=value`, keys dotted.
    DotList,
}

/// One flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// As it is written, dashes included.
    pub name: &'static str,
    /// Other spellings.
    pub also: &'static [&'static str],
    pub takes: Takes,
    /// What the program does without it; empty: nothing.
    pub default: &'static str,
    pub required: bool,
    pub here: Here,
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: being there is all.
    Switch,
    Text,
    Integer,
    Number,
    /// `True`, `False` or an integer.
    Boolean,
    /// A Python literal `True` or `False`.
    Literal,
    /// The words `true` or `false`.
    Word,
    /// Whole numbers, comma-separated.
    Integers,
    /// Whole numbers, colon-separated.
    Steps,
    Choice(&'static [&'static str]),
}

/// How a flag is said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// The option with the same values.
    Key(&'static str),
    /// Said another way.
    Said(&'static str),
    /// Accepted, and without effect: why.
    Ignored(&'static str),
    /// Accepted at this value alone, which is what is done here anyway: why.
    Only(&'static str, &'static str),
    /// Refused: why.
    Refused(&'static str),
}

impl Here {
    /// A line for tables: the option, or why there is none.
    pub fn text(self) -> String {
        match self {
            Here::Key(path) => format!("`{path}`"),
            Here::Said(text) => text.to_owned(),
            Here::Ignored(why) => format!("ignored: {why}"),
            Here::Only(value, why) => format!("only `{value}`: {why}"),
            Here::Refused(why) => format!("refused: {why}"),
        }
    }
}

impl Takes {
    /// What is taken, for tables and messages.
    pub fn text(self) -> String {
        match self {
            Takes::Switch => "nothing".into(),
            Takes::Text => "text".into(),
            Takes::Integer => "a whole number".into(),
            Takes::Number => "a number".into(),
            Takes::Boolean => "`True` or `False`".into(),
            Takes::Literal => "`True` or `False`, as Python writes them".into(),
            Takes::Word => "`true` or `false`".into(),
            Takes::Integers => "whole numbers, comma-separated".into(),
            Takes::Steps => "whole numbers, colon-separated".into(),
            Takes::Choice(choices) => {
                choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

impl Flag {
    /// A flag that takes a value and has a default.
    pub const fn new(name: &'static str, takes: Takes, default: &'static str, here: Here) -> Self {
        Self { name, also: &[], takes, default, required: false, here }
    }

    /// A flag that takes no value.
    pub const fn switch(name: &'static str, here: Here) -> Self {
        Self::new(name, Takes::Switch, "off", here)
    }

    /// The same flag, required.
    pub const fn required(self) -> Self {
        Self { required: true, default: "", ..self }
    }

    /// The same flag with other spellings.
    pub const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    /// All its spellings.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }
}
