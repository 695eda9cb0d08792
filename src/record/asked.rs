//! What a run was asked to be, read off run.json: its options as values, what differs between runs, and which runs repeat each other.
//!
//! Tables and TensorBoard's page of hyperparameters take both from here, so they agree. Options that change no result (where things lie,
//! what is shown) never count. Start at [`differing`] and [`Identity::group`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::identity::Identity;

/// The option that repetitions differ in.
pub const SEED: &str = "run.seed";

/// Options that change no result, and those that a run's name already says.
const COSMETIC: [&str; 14] = [
    "name",
    "description",
    "data.dir",
    "data.feature_cache",
    "output.runs_dir",
    "output.project_name",
    "output.summary_interval",
    "output.keep_checkpoints",
    "output.keep_every",
    "output.histogram_interval",
    "run.device",
    "run.threads",
    "run.micro_batches",
    "run.processes",
];

/// An option's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    Text(String),
    Count(u64),
    Number(f64),
}

/// The value of an option as run.json has it: TOML (`0.001`, `"mean"`, `[4, 4]`), or a JSON value of an older program. Lists and
/// truth values are text; an empty text is no value.
pub fn leaf(value: &Value) -> Option<Leaf> {
    match value {
        Value::Null => None,
        Value::String(toml) => text(toml),
        Value::Number(number) => match number.as_u64() {
            Some(count) => Some(Leaf::Count(count)),
            None => number.as_f64().map(Leaf::Number),
        },
        other => Some(Leaf::Text(other.to_string())),
    }
}

fn text(toml: &str) -> Option<Leaf> {
    if let Ok(count) = toml.parse() {
        return Some(Leaf::Count(count));
    }
    if toml.starts_with(|first: char| first.is_ascii_digit() || "+-".contains(first))
        && let Ok(number) = toml.parse()
    {
        return Some(Leaf::Number(number));
    }
    // A basic string of TOML is one of JSON, but for rare escapes, which stay as they are written.
    let plain = serde_json::from_str(toml).unwrap_or_else(|_| toml.to_owned());
    (!plain.is_empty()).then_some(Leaf::Text(plain))
}

/// Options that take more than one value among runs of one name, in alphabetical order, as far as they matter to a result. What tells
/// different experiments apart is their name.
///
/// A run that lacks an option has another value than one that has it.
pub fn differing<'a>(runs: impl IntoIterator<Item = &'a Identity>) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<&Identity>> = BTreeMap::new();
    for run in runs {
        by_name.entry(&run.name).or_default().push(run);
    }
    let mut differing = BTreeSet::new();
    for runs in by_name.values() {
        let Some((first, others)) = runs.split_first() else { continue };
        for other in others {
            differing.extend(differences(first, other));
        }
    }
    differing.into_iter().map(str::to_owned).collect()
}

/// Both configurations are sorted, so one walk along the two finds what differs.
fn differences<'a>(left: &'a Identity, right: &'a Identity) -> Vec<&'a str> {
    let (mut left, mut right) = (left.config.iter().peekable(), right.config.iter().peekable());
    let mut found = Vec::new();
    loop {
        let key = match (left.peek(), right.peek()) {
            (None, None) => return found,
            (Some((key, _)), None) | (None, Some((key, _))) => *key,
            (Some((a, _)), Some((b, _))) => (*a).min(*b),
        };
        let here = left.next_if(|(name, _)| *name == key).map(|(_, value)| value);
        let there = right.next_if(|(name, _)| *name == key).map(|(_, value)| value);
        if here != there && !COSMETIC.contains(&key.as_str()) {
            found.push(key.as_str());
        }
    }
}

impl Identity {
    /// What all repetitions of this run with other seeds have in common: its name and eight hexadecimal digits over all else that matters.
    ///
    /// A teacher, or a run that this one goes on from, counts by its name: each repetition may have its own.
    pub fn group(&self) -> String {
        let mut digest = Sha256::new();
        for (part, value) in &self.data {
            digest.update(format!("{part} {value}\n"));
        }
        for (name, value) in &self.config {
            if name != SEED && !COSMETIC.contains(&name.as_str()) {
                let value = value.as_str().map_or_else(|| value.to_string(), without_ids);
                digest.update(format!("{name} {value}\n"));
            }
        }
        let hash: String = digest.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{hash}", self.name)
    }

    /// The options that make the run what it is, with their values, in alphabetical order.
    pub fn asked(&self) -> impl Iterator<Item = (&str, Leaf)> {
        let meant = self.config.iter().filter(|(name, _)| !COSMETIC.contains(&name.as_str()));
        meant.filter_map(|(name, value)| Some((name.as_str(), leaf(value)?)))
    }
}

/// A text without the identities of runs in it: `results/runs/tedlium_direct-81dce036@200` as `results/runs/tedlium_direct@200`.
fn without_ids(text: &str) -> String {
    const DIGITS: usize = 8;
    let mut parts = text.split('-');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        match part.get(DIGITS..) {
            Some(rest) if digits == DIGITS => kept.push_str(rest),
            _ => {
                kept.push('-');
                kept.push_str(part);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(name: &str, options: &[(&str, &str)]) -> Identity {
        let config = options.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        Identity { name: name.into(), config, ..Identity::default() }
    }

    #[test]
    fn options_are_values() {
        let said = ["4", "0.00000001", "-1", "\"mean\"", "[4, 4]", "true", "\"\"", "1e-3", "\"inf\""];
        let want = [
            Some(Leaf::Count(4)),
            Some(Leaf::Number(1e-8)),
            Some(Leaf::Number(-1.0)),
            Some(Leaf::Text("mean".into())),
            Some(Leaf::Text("[4, 4]".into())),
            Some(Leaf::Text("true".into())),
            None,
            Some(Leaf::Number(1e-3)),
            Some(Leaf::Text("inf".into())),
        ];
        assert_eq!(said.map(|toml| leaf(&json!(toml))), want);
        assert_eq!([leaf(&json!(0.5)), leaf(&json!(7))], [Some(Leaf::Number(0.5)), Some(Leaf::Count(7))]);
    }

    #[test]
    fn what_differs_between_runs_of_a_name() {
        let runs = [
            run("a", &[("run.seed", "0"), ("train.max_lr", "0.1"), ("output.runs_dir", "\"x\"")]),
            run("a", &[("run.seed", "0"), ("train.max_lr", "0.2"), ("output.runs_dir", "\"y\"")]),
            run("a", &[("run.seed", "0"), ("train.max_lr", "0.1"), ("eval.sounds", "2")]),
            run("b", &[("run.seed", "5"), ("model.x", "1")]),
        ];
        assert_eq!(differing(&runs), ["eval.sounds", "train.max_lr"]);
        assert!(differing(&runs[3..]).is_empty());
    }

    #[test]
    fn repetitions_are_a_group() {
        let of = |seed, lr, teacher| {
            run("s", &[("distill.teacher", teacher), ("run.seed", seed), ("train.max_lr", lr)]).group()
        };
        let first = of("0", "0.1", "\"runs/direct-81dce036@200\"");
        assert_eq!(first, of("1", "0.1", "\"runs/direct-0123abcd@200\""));
        assert_ne!(first, of("0", "0.2", "\"runs/direct-81dce036@200\""));
        assert_ne!(first, of("0", "0.1", "\"runs/other-81dce036@200\""));
        assert!(first.starts_with("s-") && first.len() == 10, "{first}");
        assert_eq!(without_ids("a-b-81dce03 c-81dce0367"), "a-b-81dce03 c-81dce0367");
    }
}
