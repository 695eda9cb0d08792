//! Hostile bytes for every parser that reads what others wrote.
//!
//! A [`Target`] is one way in: bytes go where a user's file would lie, and the parser must end with a value or with an error. It may not
//! panic, overflow its stack, take more memory than a small file deserves, hang, or write where it was not asked to. [`mutate`] makes the
//! bytes, [`memory`] counts what they cost, [`session`] plays one target for a while; the program in `main.rs` watches over sessions from
//! outside, for what ends a process. What ever failed stays in `corpus/TARGET/` and is replayed by `cargo test`. Not for: whether what
//! was parsed is right. Start at [`targets::all`].

pub mod bundle;
mod grown;
pub mod memory;
pub mod mutate;
pub mod repair;
pub mod session;
pub mod targets;

use std::path::{Path, PathBuf};

/// One way for bytes from outside to come in.
pub struct Target {
    /// Also the name of its folder in `corpus/`.
    pub name: &'static str,
    /// Files of the repository that are what the parser hopes for, by path from the root.
    pub seeds: &'static [&'static str],
    /// Words of the format.
    pub words: &'static [&'static str],
    /// Makes checksums right again that would end the parsing early.
    pub repair: fn(&mut [u8]),
    /// Hands the bytes to the parser, in a folder of its own. Returns how it ended, in words: another ending is a discovery.
    ///
    /// # Panics
    /// What was promised of the parser does not hold.
    pub run: fn(&Path, &[u8]) -> String,
    /// Longest input that mutations grow to.
    pub most_bytes: usize,
}

/// The repository's folder.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("fuzz"), PathBuf::from);
    here.parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

impl Target {
    /// The folder of inputs that once failed, or might.
    pub fn corpus(&self) -> PathBuf {
        root().join("fuzz/corpus").join(self.name)
    }

    /// The inputs that mutations begin with: files of the repository, then the corpus.
    pub fn inputs(&self) -> Vec<Vec<u8>> {
        let seeds = self.seeds.iter().map(|seed| root().join(seed));
        let kept = std::fs::read_dir(self.corpus()).into_iter().flatten().flatten();
        let mut kept: Vec<PathBuf> = kept.map(|entry| entry.path()).collect();
        kept.sort_unstable();
        seeds.chain(kept).map(|path| bundle::read(&path)).collect()
    }

    /// Inputs that are tried as they are: too large to keep, and to change.
    pub fn grown(&self) -> Vec<Vec<u8>> {
        grown::of(self.name)
    }
}
