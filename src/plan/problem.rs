//! A request that is well-formed and still cannot be carried out.

/// Two keys that contradict each other, or a size that does not work out. The key lets `config` point at file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path of the key to point at.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Problem {
    /// A problem at `key`.
    pub fn new(key: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Problem { key: key.into(), message: message.into(), help: help.into() }
    }
}
