//! What this room promises, most of it as the very text a person reads.

mod cald;
mod patches;
mod recipes;
mod sound;

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
    let path = crate::checkout().join("docs/import.md");
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
fn no_text_makes_it_panic() {
    let readme = include_str!("../../tests/import/cald_readme.md");
    let recipe = "a=(x \"y z\")\nfor i in ${a[@]} {1..3}; do\nfor ((k=1;k<=$((2*3));k++)); do\nif [[ $i == *\"x\"* ]]; then b=\"${i}é\"; elif [ 1 -lt 2 ]; \
                  then c='d'; else e=$(f); fi\npython train.py --model-dir=é/$b --data-dir=\"d\" \\\n --hparams=max_lr=1e-4,batch_size=$k | tee l 2>&1 &\ndone\ndone\n";
    let pieces: Vec<char> = "`'\"$(){}[]=\\\n;|&<>#-, é1ai*".chars().collect();
    let mut state = 17_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for turn in 0..500 {
        let text = if turn % 5 == 0 { readme } else { recipe };
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..=random(6) {
            let at = random(letters.len());
            match random(3) {
                0 => letters[at] = pieces[random(pieces.len())],
                1 => _ = letters.remove(at),
                _ => letters.insert(at, pieces[random(pieces.len())]),
            }
        }
        let text: String = letters.into_iter().collect();
        for input in [Input::file("x.sh", &text), Input::file("x.md", &text), Input::command(&text)] {
            // Either way is fine; what is imported has to form an experiment.
            if let Ok(imported) = imported(&input, None) {
                for experiment in imported.experiments {
                    assert!(experiment.experiment().is_some(), "{}", experiment.toml("x", &[]));
                }
            }
        }
    }
}

#[test]
fn every_flag_that_is_an_option_here_names_one() {
    let schema = crate::config::Schema::get();
    for script in super::scripts() {
        for flag in script.flags().chain(script.hparams) {
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
