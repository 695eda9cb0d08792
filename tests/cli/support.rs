//! Runs the program as a user would, from the project's root.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runner::config;
use runner::plan::{Plan, resolve};

/// The project's root; not compiled in, since checkouts may share a build folder.
pub fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is").into()
}

/// A command of the program, in the project's root, without the user's environment for it.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.args(arguments).current_dir(root()).env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RUNNER__")) {
        command.env_remove(name);
    }
    command
}

/// What a command said and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end.
pub fn runner(arguments: &[&str]) -> Said {
    said(command(arguments).output().expect("the program starts"))
}

/// What an ended process said.
pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The override that sends run folders to `dir`.
pub fn runs_in(dir: &Path) -> String {
    format!("output.runs_dir=\"{}\"", dir.display())
}

/// The plan of an experiment written here, with overrides; it must need no other run.
pub fn plan_of(toml: &str, sets: &[String]) -> Plan {
    let dir = tempfile::tempdir().expect("a folder for the experiment");
    let path = dir.path().join("experiment.toml");
    std::fs::write(&path, format!("description = \"a test\"\n{toml}")).expect("room for the experiment");
    let request = config::Request { sets: sets.to_vec(), ..Default::default() };
    let loaded = config::load(&path, &request).unwrap_or_else(|problems| panic!("{problems}"));
    resolve(&loaded.experiment, Vec::new()).unwrap_or_else(|problems| panic!("{problems:?}"))
}
