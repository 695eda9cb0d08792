//! What this room promises, most of it as the very text a person reads.

mod cald;
mod pending;
mod recipes;

use std::path::Path;
use std::{env, fs, io};

use super::{Imported, Input, Options, import, page};

/// No file is there.
fn nothing(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn imported(input: &Input, name: Option<&str>) -> Result<Imported, String> {
    import(input, &Options { name, read: &nothing }).map_err(|problems| problems.to_string())
}

/// The TOML of a command's experiment.
fn toml(command: &str) -> String {
    let imported = imported(&Input::command(command), None).expect("a sound command");
    imported.experiments[0].toml("x", &[])
}

/// What is said about a command that is not sound.
fn complaint(command: &str) -> String {
    imported(&Input::command(command), None).expect_err("a complaint")
}

#[test]
fn the_committed_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md");
    let fresh = page();
    if env::var_os("RUNNER_UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().expect("docs/")).expect("docs/ can be made");
        fs::write(&path, &fresh).expect("the page can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "docs/import.md is stale; rewrite it with `RUNNER_UPDATE=1 cargo test the_committed_page_is_fresh`"
    );
}

#[test]
fn every_flag_that_is_an_option_here_names_one() {
    let schema = crate::config::Schema::get();
    for script in super::scripts() {
        for flag in script.flags.iter().chain(script.hparams) {
            if let super::Here::Key(path) = flag.here {
                assert!(schema.leaves().iter().any(|leaf| leaf.dotted() == path), "{}: {path}", flag.name);
            }
            let set = !flag.default.is_empty() && flag.takes != super::Takes::Switch;
            let words = flag.default.contains(' ');
            assert!(
                !set || words || super::value::Value::parse(flag.default, flag.takes).is_some(),
                "{}: {}",
                flag.name,
                flag.default
            );
        }
    }
}
