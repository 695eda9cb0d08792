//! The named layers of an experiment: `[profile.NAME]` of its file and its bases.
//!
//! Parts of one name are merged along the bases, lowest first. A profile may say `inherits = "OTHER"`: it then lies
//! over that one, so that a shorter version of a profile states only what is shorter.

use super::merge::Layer;
use super::nearest::{listed, nearest};
use super::problem::{NOT_ALLOWED, PROFILE_CYCLE, Problem, Problems, UNKNOWN_PROFILE};
use super::source::Source;
use super::tree::{Entry, Table, Value};

/// The profiles that a file and its bases define.
#[derive(Default)]
pub struct Profiles {
    /// In the order in which the names first appear.
    named: Vec<Profile>,
}

struct Profile {
    name: String,
    /// Lowest first.
    parts: Vec<Layer>,
}

impl Profiles {
    /// Takes the profiles out of a file's table; call it for the lowest file first.
    pub fn take(&mut self, file: &mut Layer) {
        let Some(Value::Table(named)) = file.table.remove("profile").map(|entry| entry.node.value) else {
            return;
        };
        for Entry { key, node, .. } in named.entries {
            let Value::Table(table) = node.value else { continue };
            let part = Layer { source: file.source.clone(), table, own: false };
            let is_full = self.named.len() > MOST_PROFILES;
            match self.named.iter_mut().find(|profile| profile.name == key) {
                Some(profile) => profile.parts.push(part),
                // One too many is kept, to be told.
                None if is_full => {}
                None => self.named.push(Profile { name: key, parts: vec![part] }),
            }
        }
    }

    /// The layers of the profile `wanted`, lowest first, and what is wrong with any profile.
    pub fn layers(self, wanted: Option<&str>) -> (Vec<Layer>, Vec<Problem>) {
        if let Some(part) = self.named.get(MOST_PROFILES).and_then(|profile| profile.parts.first()) {
            let message = format!("there are more than {MOST_PROFILES} profiles");
            return (Vec::new(), vec![part.source.problem_throughout(NOT_ALLOWED, "profile", message)]);
        }
        let mut problems: Vec<Problem> =
            self.named.iter().filter_map(|profile| self.chain(profile).err()).flatten().collect();
        let Some(wanted) = wanted else { return (Vec::new(), problems) };
        let Some(profile) = self.find(wanted) else {
            let source = Source::argument("--profile", format!("--profile {wanted}"));
            let span = source.text().len() - wanted.len()..source.text().len();
            let message = format!("there is no profile `{wanted}`");
            problems.push(
                source.problem(UNKNOWN_PROFILE, span, "profile", message).with_help(self.names(wanted)),
            );
            return (Vec::new(), problems);
        };
        let chain = self.chain(profile).unwrap_or_default();
        let mut layers: Vec<Layer> = chain.iter().rev().flat_map(|profile| profile.parts.clone()).collect();
        layers.iter_mut().for_each(|layer| _ = layer.table.remove(INHERITS));
        (layers, problems)
    }

    /// Every profile by name, with its parts, lowest first.
    pub fn merged(self) -> impl Iterator<Item = (String, Vec<Table>)> {
        self.named
            .into_iter()
            .map(|profile| (profile.name, profile.parts.into_iter().map(|part| part.table).collect()))
    }

    /// The profile, what it inherits, what that inherits, and so on.
    fn chain<'a>(&'a self, profile: &'a Profile) -> Result<Vec<&'a Profile>, Problems> {
        let mut chain = vec![profile];
        while let Some((source, entry, parent)) = chain.last().and_then(|profile| profile.inherits()) {
            let problem = |code, message| {
                let path = format!("profile.{}.{INHERITS}", chain[chain.len() - 1].name);
                source.problem(code, entry.node.span.clone(), &path, message)
            };
            let Some(next) = self.find(parent) else {
                let message = format!("there is no profile `{parent}` to inherit");
                return Err(problem(UNKNOWN_PROFILE, message).with_help(self.names(parent)).into());
            };
            if chain.iter().any(|seen| seen.name == next.name) {
                let names: Vec<&str> =
                    chain.iter().map(|profile| profile.name.as_str()).chain([parent]).collect();
                let message = format!("profile `{}` inherits itself: {}", profile.name, names.join(" → "));
                return Err(problem(PROFILE_CYCLE, message).into());
            }
            chain.push(next);
        }
        Ok(chain)
    }

    fn find(&self, name: &str) -> Option<&Profile> {
        self.named.iter().find(|profile| profile.name == name)
    }

    /// Advice for who asked for `wanted`, which is not there.
    fn names(&self, wanted: &str) -> String {
        let mut names: Vec<&str> = self.named.iter().map(|profile| profile.name.as_str()).collect();
        names.sort_unstable();
        match nearest(wanted, names.iter().copied()) {
            _ if names.is_empty() => "this experiment has no profiles".to_owned(),
            Some(name) => format!("did you mean `{name}`? the profiles are {}", listed(names)),
            None => format!("the profiles are {}", listed(names)),
        }
    }
}

const INHERITS: &str = "inherits";

/// Profiles that an experiment may have with its bases: looking who inherits whom takes time with the cube of their number.
const MOST_PROFILES: usize = 256;

impl Profile {
    /// The profile this one lies over, as its highest part says.
    fn inherits(&self) -> Option<(&Source, &Entry, &str)> {
        self.parts.iter().rev().find_map(|part| {
            let entry = Table::get(&part.table, INHERITS)?;
            Some((part.source.as_ref(), entry, entry.node.string()?))
        })
    }
}
