//! What an experiment is called here, from the folders of a command.

/// What a folder's name says about the experiment in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    Known(String),
    /// A placeholder such as `{EXP_NAME}` stands in its place.
    Open,
}

/// The name of the experiment whose folder is `path`.
pub fn of_folder(path: &str) -> Name {
    let parts = parts(path);
    let Some((last, before)) = parts.split_last() else { return Name::Open };
    if last.contains(['{', '}', '<', '>', '$']) {
        return Name::Open;
    }
    let corpus = before.last().and_then(|folder| corpus(folder));
    let name = match corpus {
        Some(corpus) => format!("{corpus}_{}", family(last)),
        None => (*last).to_owned(),
    };
    Name::Known(plain(&name))
}

/// The text with `_` in the place of what a name does not take.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' }).collect()
}

/// The folder of an experiment and which checkpoint of it, from the path of a checkpoint or of the folder itself.
pub fn of_checkpoint(path: &str) -> (Name, Checkpoint) {
    let parts = parts(path);
    let Some((last, before)) = parts.split_last() else { return (Name::Open, Checkpoint::Folder) };
    let folder = || of_folder(&before.join("/"));
    if let Some(rest) = last.strip_prefix("model.ckpt-") {
        let (step, metrics) = rest.split_once('-').map_or((rest, false), |(step, _)| (step, true));
        return match step.parse() {
            Ok(step) if metrics => (folder(), Checkpoint::Best(Some(step))),
            Ok(step) => (folder(), Checkpoint::Step(step)),
            Err(_) => (folder(), Checkpoint::Best(None)),
        };
    }
    match last.contains('{') && before.len() > 1 {
        true => (folder(), Checkpoint::Best(None)),
        false => (of_folder(path), Checkpoint::Folder),
    }
}

/// Which of an experiment's checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// One of those the published program calls best, by its step if the path says it.
    Best(Option<u64>),
    Step(u64),
    /// None in particular.
    Folder,
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

/// The name here of a corpus, from a folder's name.
pub fn corpus(folder: &str) -> Option<&'static str> {
    let folder = folder.to_ascii_lowercase();
    match folder.as_str() {
        "tedlium" | "tedlium3" | "tedlium_v3" => Some("tedlium"),
        "slurp" | "slurp_full" => Some("slurp"),
        "superb_si" | "voxceleb" | "voxceleb1" => Some("voxceleb"),
        _ => None,
    }
}

/// The name here of a family, from a folder's name.
fn family(folder: &str) -> &str {
    folder.strip_suffix("_guided").unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_published_commands_have_the_shipped_names() {
        for (folder, name) in [
            ("output/tedlium/direct", "tedlium_direct"),
            ("output/slurp/target_guided/", "slurp_target"),
            ("output/superb_si/waypoint_guided", "voxceleb_waypoint"),
            ("exp/my run", "my_run"),
        ] {
            assert_eq!(of_folder(folder), Name::Known(name.into()));
        }
        assert_eq!(of_folder("output/tedlium/{EXP_NAME}"), Name::Open);
        let direct = || Name::Known("tedlium_direct".into());
        for (path, which) in [
            ("output/tedlium/direct/{BEST_CKPT}", Checkpoint::Best(None)),
            ("output/tedlium/direct/model.ckpt-84000-wer-0.0712", Checkpoint::Best(Some(84_000))),
            ("output/tedlium/direct/model.ckpt-40000", Checkpoint::Step(40_000)),
            ("output/tedlium/direct/", Checkpoint::Folder),
        ] {
            assert_eq!(of_checkpoint(path), (direct(), which), "{path}");
        }
    }
}
