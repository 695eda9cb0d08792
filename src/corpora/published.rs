//! What the command line has to know of a published corpus: its verb, its options, and the request that they make.
//!
//! For: the `RECIPE` beside each corpus' [`Recipe`], all of them in [`RECIPES`](super::RECIPES); `runner data prepare` takes its verbs from
//! there. Not for: tables and data sets of anybody's (`table`, `dataset`), whose options are more than paths and switches, and stand in `cli`.
//! Start at [`Published`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::prepare::Recipe;

/// A published corpus as a verb of `runner data prepare`.
#[derive(Debug)]
pub struct Published {
    /// The verb. Prepared folders remember it.
    pub name: &'static str,
    /// What the corpus is and which folder SOURCE is, as help has it: one paragraph without its last full stop.
    pub help: &'static str,
    /// Options besides those of all corpora, in the order of the help.
    pub options: &'static [CorpusOption],
    /// The request of somebody who asked for this.
    pub recipe: fn(&Asked) -> Box<dyn Recipe>,
}

/// An option of a published corpus.
#[derive(Debug)]
pub struct CorpusOption {
    /// Its name, without `--`; [`Recipe::options`] has it under the same one.
    pub name: &'static str,
    /// What it is for, without the last full stop.
    pub help: &'static str,
    /// What it takes.
    pub kind: OptionKind,
}

/// What an option takes. Another kind is another arm in `src/cli/arguments/prepare.rs`.
#[derive(Debug)]
pub enum OptionKind {
    /// Nothing: it is given or not.
    Switch,
    /// A path, in the help called as told: `DIR`, `FILE`.
    Path(&'static str),
}

impl Published {
    /// A corpus with its verb, its help, its options and what makes a request of them.
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        options: &'static [CorpusOption],
        recipe: fn(&Asked) -> Box<dyn Recipe>,
    ) -> Self {
        Self { name, help, options, recipe }
    }
}

impl CorpusOption {
    /// An option that is given or not.
    pub(super) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: OptionKind::Switch }
    }

    /// An option that takes a path, in the help called `value_name`.
    pub(super) const fn path(name: &'static str, value_name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: OptionKind::Path(value_name) }
    }
}

/// Link to recordings instead of copying them: for corpora of files that can be used as they are.
pub const LINK: CorpusOption = CorpusOption::switch(
    "link",
    "Link to recordings that can be used as they are, instead of copying them; SOURCE must then stay where it is",
);

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Where the corpus lies.
    pub source: PathBuf,
    /// The paths given, by option.
    pub paths: BTreeMap<&'static str, PathBuf>,
    /// The switches given.
    pub switches: BTreeSet<&'static str>,
}

impl Asked {
    /// The path given for `option`.
    pub fn path(&self, option: &CorpusOption) -> Option<PathBuf> {
        self.paths.get(option.name).cloned()
    }

    /// Whether the switch `option` was given.
    pub fn has(&self, option: &CorpusOption) -> bool {
        self.switches.contains(option.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpora::RECIPES;

    #[test]
    fn every_corpus_remembers_its_verb_and_exactly_its_options() {
        for corpus in RECIPES {
            let none = (corpus.recipe)(&Asked::default());
            assert_eq!(none.name(), corpus.name);
            let remembered = none.options();
            let remembered: BTreeSet<&str> =
                remembered.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(
                remembered,
                corpus.options.iter().map(|option| option.name).collect(),
                "{}",
                corpus.name
            );
            for option in corpus.options {
                let mut asked = Asked::default();
                match option.kind {
                    OptionKind::Switch => _ = asked.switches.insert(option.name),
                    OptionKind::Path(_) => _ = asked.paths.insert(option.name, "there".into()),
                }
                let changed = (corpus.recipe)(&asked).options();
                for other in corpus.options {
                    let differs = changed[other.name] != none.options()[other.name];
                    assert_eq!(differs, other.name == option.name, "{}: `{}`", corpus.name, option.name);
                }
            }
        }
    }

    #[test]
    fn help_has_no_last_full_stop() {
        for corpus in RECIPES {
            let options = corpus.options.iter().map(|option| option.help);
            for help in options.chain([corpus.help]) {
                assert!(!help.is_empty() && !help.ends_with('.') && !help.contains('\n'), "{help}");
            }
        }
    }
}
