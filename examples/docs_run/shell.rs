//! A folder in which a reader would be, and commands given there.

use std::error::Error;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A folder with what a checkout has; what commands write stays in it, and goes with it.
pub struct Folder {
    place: PathBuf,
    /// Where the program and the examples are.
    programs: PathBuf,
}

/// What a command said on both its outputs, and whether it ended well.
pub struct Said {
    pub text: String,
    pub well: bool,
}

/// What pages need of a checkout and nobody writes into.
const LINKED: [&str; 7] = ["corpora", "docs", "examples", "schemas", "src", "tests", "README.md"];

impl Folder {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let programs = std::env::current_exe()?;
        let programs = programs.parent().and_then(Path::parent).ok_or("an example has a folder")?.to_owned();
        let place = std::env::temp_dir().join(format!("docs-run-{}", std::process::id()));
        if place.exists() {
            std::fs::remove_dir_all(&place)?;
        }
        std::fs::create_dir_all(&place)?;
        let here = std::env::current_dir()?;
        for name in LINKED {
            symlink(here.join(name), place.join(name))?;
        }
        // Readers put files of their own beside the experiments.
        copy(&here.join("experiments"), &place.join("experiments"))?;
        Ok(Folder { place, programs })
    }

    pub fn write(&self, name: &str, text: &str) -> std::io::Result<()> {
        let path = self.place.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)
    }

    /// Gives a command to a shell.
    pub fn run(&self, line: &str) -> Result<Said, Box<dyn Error>> {
        let line = self.with_hashes(&self.without_cargo(line));
        let path = format!("{}:{}", self.programs.display(), std::env::var("PATH").unwrap_or_default());
        let output = std::process::Command::new("bash")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(&self.place)
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .stdin(std::process::Stdio::null())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Said { text, well: output.status.success() })
    }

    /// What cargo would build and run is there already.
    fn without_cargo(&self, line: &str) -> String {
        let line = line.replace("cargo run --release -- ", "runner ");
        let mut parts = line.split("cargo run --release --quiet --example ");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, arguments) = part.split_once(" -- ").unwrap_or((part, ""));
            filled += &format!("{} {arguments}", self.programs.join("examples").join(name).display());
        }
        filled
    }

    /// `results/runs/NAME-HASH` as the one run of that name that is there.
    fn with_hashes(&self, line: &str) -> String {
        let runs = std::fs::read_dir(self.place.join("results/runs")).into_iter().flatten().flatten();
        let mut names: Vec<String> = runs.map(|run| run.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let mut line = line.to_owned();
        for name in names {
            if let Some((stem, _)) = name.rsplit_once('-') {
                line = line.replace(&format!("{stem}-HASH"), &name);
            }
        }
        line
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        match path.is_dir() {
            true => copy(&path, &to.join(name))?,
            false => _ = std::fs::copy(&path, to.join(name))?,
        }
    }
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the temporary folder's.
        let _ = std::fs::remove_dir_all(&self.place);
    }
}
