//! `runner data fetch`, against a server on this machine that misbehaves as told.

mod archives;
mod models;
mod names;
mod transfer;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::server::Server;
use crate::support::{Said, command, said};

/// A folder, a server, and a catalogue with one corpus `x` of one file `x.bin`.
struct Scene {
    dir: TempDir,
    server: Server,
}

/// 3 MiB that no two places of are alike.
fn noise() -> Vec<u8> {
    (0..3_u32 << 18).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a corpus of one file says of it.
fn facts(body: &[u8]) -> String {
    format!("bytes = {}\nsha256 = \"{}\"", body.len(), sha256(body))
}

impl Scene {
    fn new(facts: &str) -> Self {
        let scene = Scene { dir: TempDir::new().expect("a folder"), server: Server::start() };
        scene.catalogue(&scene.corpus("x", &scene.file("x.bin", facts)));
        scene
    }

    fn corpus(&self, name: &str, files: &str) -> String {
        let folder = self.path(name);
        format!(
            "[[corpus]]\nname = \"{name}\"\nabout = \"a test\"\nlicence = \"CC0\"\npage = \"https://example.org\"\n\
             folder = \"{}\"\n{files}",
            folder.display()
        )
    }

    fn file(&self, name: &str, facts: &str) -> String {
        format!("\n[[corpus.file]]\nname = \"{name}\"\nurls = [\"https://example.org/{name}\"]\n{facts}\n")
    }

    fn catalogue(&self, text: &str) {
        fs::write(self.path("catalogue.toml"), text).expect("a catalogue");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let catalogue = self.path("catalogue.toml");
        let mut all = vec!["data", "fetch", "--mirror", &self.server.url, "--retry-wait", "0"];
        all.extend(["--catalogue", catalogue.to_str().expect("text")]);
        all.extend(arguments);
        let mut command = command(&all);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.env("HF_HOME", self.path("hf")).env_remove("HF_HUB_CACHE");
        command
    }

    fn fetch(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().expect("the program starts"))
    }

    /// What is in the folder of `x`, records apart.
    fn names(&self) -> Vec<String> {
        names(&self.path("x"))
    }

    fn arrived(&self) -> Vec<u8> {
        fs::read(self.path("x/x.bin")).expect("the file is there")
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.retain(|name| name != ".fetch");
    names.sort();
    names
}
