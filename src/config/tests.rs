//! What this room promises, most of it as the very text a person reads.

mod agreement;
mod layers;
mod messages;
mod overrides;
mod schema;
mod shipped;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Loaded, Problems, Request, load};

/// Writes `files`, loads the first and returns what came of it, with paths relative to where they were written.
fn load_files(files: &[(&str, &str)], request: &Request) -> Result<Loaded, String> {
    let folder = TempDir::new().expect("a folder to write to");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    load(&folder.path().join(files[0].0), request).map_err(|problems| relative(&problems, folder.path()))
}

/// The text of `problems`, with file names as seen from `folder`.
fn relative(problems: &Problems, folder: &Path) -> String {
    problems.to_string().replace(&format!("{}/", folder.display()), "")
}

/// The complaint about one file, `x.toml`.
fn complaint(text: &str) -> String {
    load_files(&[("x.toml", text)], &Request::default()).expect_err("a complaint")
}

/// An experiment of one file, with `-s` arguments.
fn loaded(text: &str, sets: &[&str]) -> Loaded {
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    load_files(&[("x.toml", text)], &Request { sets, ..Request::default() }).expect("a sound experiment")
}

/// The least a file must say.
const LEAST: &str = "[data]\ndir = \"corpora/smoke\"\n";
