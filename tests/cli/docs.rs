//! The pages in docs/ are true: every file they show is written, every command they show is run, and says what they say it says.
//!
//! A block headed `toml NAME` is written to NAME; in a block headed `console` each line after `$ ` is given to a shell. `…` in the expected
//! text stands for anything. Rewrite what commands say with `RUNNER_UPDATE=1 cargo test --test cli the_pages_are_true`. An example that a page
//! runs through cargo is the program that cargo has made of it beside the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::support::root;

#[test]
fn the_pages_are_true() {
    let update = std::env::var_os("RUNNER_UPDATE").is_some_and(|value| value == "1");
    let mut commands = 0;
    let files =
        fs::read_dir(root().join("docs")).expect("docs/").map(|entry| entry.expect("an entry").path());
    for page in files.filter(|file| file.extension().is_some_and(|ending| ending == "md")) {
        let text = fs::read_to_string(&page).expect("text");
        let mut followed = Page { folder: folder(), commands: 0, wrong: Vec::new() };
        let fresh = followed.follow(&text);
        commands += followed.commands;
        if update {
            fs::write(&page, fresh).expect("the page can be written");
        } else {
            assert!(followed.wrong.is_empty(), "{}:\n{}", page.display(), followed.wrong.join("\n"));
        }
    }
    assert!(commands > 10, "{commands} commands only");
}

/// Two examples are there: what the page shows of them stands so in their files.
#[test]
fn what_is_shown_of_the_examples_is_what_is_there() {
    let page = fs::read_to_string(root().join("docs/extending.md")).expect("text");
    let family = [
        "src/config/model/keyword.rs",
        "src/config/model/mod.rs",
        "src/plan/model/keyword.rs",
        "src/model/keyword.rs",
        "src/model/mod.rs",
        "experiments/speech_commands_classifier.toml",
    ];
    assert_eq!(shown(&page, "A new family of models", &family), 9);
    let corpus = ["src/corpora/speech_commands/mod.rs", "corpora/fixtures/speech-commands.py"];
    assert_eq!(shown(&page, "A new corpus", &corpus), 4);
}

/// How many blocks of code a chapter shows, all of which stand in these files.
fn shown(page: &str, chapter: &str, files: &[&str]) -> usize {
    let read = |file: &&str| fs::read_to_string(root().join(file)).expect("text");
    let files: String = files.iter().map(read).collect();
    let (_, text) = page.split_once(&format!("## {chapter}\n")).expect("the chapter");
    let text = text.split("\n## ").next().expect("its text");
    let code = |block: &str| {
        ["rust\n", "python\n", "toml\n"]
            .iter()
            .find_map(|language| block.strip_prefix(language))
            .map(str::to_owned)
    };
    let blocks: Vec<String> = text.split("\n```").filter_map(code).collect();
    for block in &blocks {
        assert!(files.contains(block.as_str()), "docs/extending.md shows what is not there:\n{block}");
    }
    blocks.len()
}

/// The example that the page about sound shows is the one that is run.
#[test]
fn the_sampler_shown_is_the_one_that_is_there() {
    let page = fs::read_to_string(root().join("docs/generation.md")).expect("text");
    let program = fs::read_to_string(root().join("examples/own_sampler/main.rs")).expect("text");
    assert!(page.contains(&format!("```rust\n{program}```\n")), "docs/generation.md shows another program");
}

/// A folder in which a reader would be: with the shipped experiments, the schema, the corpus and the fixtures.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for name in ["experiments", "schemas", "corpora", "tests"] {
        std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).expect("a link");
    }
    folder
}

struct Page {
    folder: TempDir,
    commands: usize,
    wrong: Vec<String>,
}

impl Page {
    /// Does what the page does, and returns it with what commands really said.
    fn follow(&mut self, text: &str) -> String {
        let mut fresh = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            fresh += &format!("{line}\n");
            let Some(heading) = line.strip_prefix("```").filter(|heading| !heading.is_empty()) else {
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match heading.split_once(' ').unwrap_or((heading, "")) {
                ("console", _) => fresh += &self.console(&block),
                (_, file) if !file.is_empty() => {
                    write(&self.folder.path().join(file), &block);
                    fresh += &joined(&block);
                }
                _ => fresh += &joined(&block),
            }
            fresh += "```\n";
        }
        fresh
    }

    fn console(&mut self, block: &[&str]) -> String {
        let mut fresh = String::new();
        let mut rest = block;
        while let Some((first, after)) = rest.split_first() {
            let command = first.strip_prefix("$ ").expect("a console block begins with a command");
            let said = after.iter().take_while(|line| !line.starts_with("$ ")).count();
            let (expected, next) = after.split_at(said);
            let (expected, actual) = (joined(expected), self.shell(command));
            if !matches(&expected, &actual) {
                self.wrong.push(format!("$ {command}\nexpected:\n{expected}\nbut it says:\n{actual}"));
            }
            let shown = if matches(&expected, &actual) { expected } else { actual };
            fresh += &format!("{first}\n{shown}");
            rest = next;
        }
        fresh
    }

    fn shell(&mut self, command: &str) -> String {
        self.commands += 1;
        let command = through_cargo(command);
        let program = Path::new(env!("CARGO_BIN_EXE_runner")).parent().expect("a folder");
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
        joined(&lines)
    }
}

/// The command with each `cargo run … --example NAME --` replaced by the program that it would run.
fn through_cargo(command: &str) -> String {
    let mut parts = command.split("cargo run --release --quiet --example ");
    let mut given = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, arguments) = part.split_once(" -- ").expect("an example and its arguments");
        given += &format!("{} {arguments}", example(name).display());
    }
    given
}

/// The program of an example. `cargo test` makes it with the tests, `cargo test --test cli` does not.
fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_runner")).parent().expect("a folder");
    let program = folder.join("examples").join(name);
    if !program.exists() {
        let release = folder.ends_with("release").then_some("--release");
        let arguments = ["build", "--quiet", "--example", name].into_iter().chain(release);
        let built = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"))
            .args(arguments)
            .current_dir(root())
            .status();
        assert!(built.expect("cargo").success(), "`{name}` cannot be built");
    }
    program
}

fn write(path: &Path, block: &[&str]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, joined(block)).expect("a file");
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Whether `actual` is `expected` with anything in the place of each `…`.
fn matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || last.is_some_and(|last| rest.ends_with(last) || last.is_empty())
}
