//! The catalogue: what can be fetched, from where, under which licence, and how it is recognised.
//!
//! The shipped one is a file for each entry in `catalogue/`; a lab's own has the same form (`--catalogue`). What the publisher does not state
//! (a size, a checksum) is absent here, never guessed, and `unsummed` says so in words.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::digest::Sum;
use super::error::FetchError;
use super::unpack::Format;

// Every file of `catalogue/`, in the order of the alphabet, as `build.rs` finds them.
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Whether an entry is a corpus or a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Corpus,
    Model,
}

/// All that can be fetched.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Speech and audio.
    #[serde(default, rename = "corpus")]
    pub corpora: Vec<Entry>,
    /// Checkpoints.
    #[serde(default, rename = "model")]
    pub models: Vec<Entry>,
}

/// A corpus or a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is asked for by.
    pub name: String,
    /// What it is and what it is for, in a line.
    pub about: String,
    /// Under which terms its publisher gives it.
    pub licence: String,
    /// Where its publisher describes it.
    pub page: String,
    /// The folder it goes to, from the working directory; a model of the hub goes to the hub's cache where this is absent.
    pub folder: Option<String>,
    /// Its name at Hugging Face, for example `facebook/wav2vec2-base`.
    pub hub: Option<String>,
    /// The commit, branch or tag at the hub.
    #[serde(default = "main_branch")]
    pub revision: String,
    /// How to get what no program may fetch; then it has no files.
    pub walled: Option<String>,
    /// What is in the folder when somebody put it there.
    pub sign: Option<String>,
    /// What to do with it, once there.
    pub next: Option<String>,
    /// Its files.
    #[serde(default, rename = "file")]
    pub files: Vec<Source>,
}

/// A file at its publisher.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in the folder, and at the hub.
    pub name: String,
    /// What `--subset` calls it, other than its name.
    #[serde(default)]
    pub subset: Vec<String>,
    /// Where it can be had, the publisher's first.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Its length.
    pub bytes: Option<u64>,
    /// Its length by hearsay: to tell people and to look for room, not to compare with.
    pub roughly_bytes: Option<u64>,
    /// Its checksums, hexadecimal; the strongest given is used.
    pub sha256: Option<String>,
    /// The name that git gives its bytes.
    pub git_blob: Option<String>,
    pub md5: Option<String>,
    /// Why there is no checksum.
    pub unsummed: Option<String>,
    /// What it is unpacked as, once verified.
    pub unpack: Option<Format>,
    /// What it unpacks to.
    pub unpacked_bytes: Option<u64>,
    /// Fetched only by name.
    #[serde(default)]
    pub extra: bool,
    /// The hub may not have it.
    #[serde(default)]
    pub optional: bool,
}

fn main_branch() -> String {
    "main".into()
}

impl Catalogue {
    /// The shipped catalogue.
    ///
    /// # Errors
    /// None that the tests let through.
    pub fn shipped() -> Result<Self, FetchError> {
        let mut all = Catalogue::default();
        for (file, text) in FILES {
            let Catalogue { corpora, models } = Catalogue::parse(text, &format!("the shipped `{file}`"))?;
            all.corpora.extend(corpora);
            all.models.extend(models);
        }
        all.sound("the shipped catalogue")
    }

    /// A catalogue on disk.
    ///
    /// # Errors
    /// It cannot be read, is no catalogue, or an entry is not sound.
    pub fn read(path: &Path) -> Result<Self, FetchError> {
        let text = std::fs::read_to_string(path).map_err(|source| FetchError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        Catalogue::parse(&text, &format!("`{}`", path.display()))
    }

    pub(super) fn parse(text: &str, whence: &str) -> Result<Self, FetchError> {
        let catalogue: Catalogue = toml::from_str(text).map_err(|error| FetchError::Catalogue {
            whence: whence.to_owned(),
            detail: error.to_string(),
        })?;
        catalogue.sound(whence)
    }

    /// The catalogue, if nothing is wrong with it.
    fn sound(self, whence: &str) -> Result<Self, FetchError> {
        let problems = self.problems();
        match problems.is_empty() {
            true => Ok(self),
            false => Err(FetchError::Catalogue { whence: whence.to_owned(), detail: problems.join("; ") }),
        }
    }

    /// Entries of a kind.
    pub fn of(&self, kind: Kind) -> &[Entry] {
        match kind {
            Kind::Corpus => &self.corpora,
            Kind::Model => &self.models,
        }
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// There is none; the nearest name is said.
    pub fn find(&self, kind: Kind, name: &str) -> Result<&Entry, FetchError> {
        let named = |entry: &&Entry| {
            entry.name.eq_ignore_ascii_case(name)
                || entry.hub.as_deref().is_some_and(|hub| hub.eq_ignore_ascii_case(name))
        };
        if let Some(entry) = self.of(kind).iter().find(named) {
            return Ok(entry);
        }
        let other = match kind {
            Kind::Corpus => Kind::Model,
            Kind::Model => Kind::Corpus,
        };
        if self.of(other).iter().any(|entry| named(&entry)) {
            return Err(FetchError::OtherKind { name: name.to_owned(), is: other });
        }
        Err(FetchError::Unknown {
            kind,
            name: name.to_owned(),
            known: self.of(kind).iter().map(|entry| entry.name.clone()).collect(),
        })
    }

    /// What is not sound, a sentence each.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for kind in [Kind::Corpus, Kind::Model] {
            for (at, entry) in self.of(kind).iter().enumerate() {
                if self.of(kind)[..at].iter().any(|other| other.name == entry.name) {
                    problems.push(format!("`{}` is there twice", entry.name));
                }
                let told = entry.problems(kind).into_iter();
                problems.extend(told.map(|problem| format!("`{}`: {problem}", entry.name)));
            }
        }
        problems
    }
}

impl Entry {
    /// The files that these names pick, or without names all but the extra ones.
    ///
    /// # Errors
    /// A name picks none.
    pub fn pick(&self, subsets: &[String]) -> Result<Vec<&Source>, FetchError> {
        if subsets.is_empty() {
            return Ok(self.files.iter().filter(|file| !file.extra).collect());
        }
        for subset in subsets {
            if !self.files.iter().any(|file| file.is_called(subset)) {
                return Err(FetchError::NoSubset {
                    name: self.name.clone(),
                    subset: subset.clone(),
                    known: self.subsets(),
                });
            }
        }
        let picked = |file: &&Source| {
            subsets.iter().any(|subset| file.is_called(subset)) || (self.hub.is_some() && file.is_small())
        };
        Ok(self.files.iter().filter(picked).collect())
    }

    /// What `--subset` may name: of each file the first name it is given for that, or its own.
    pub fn subsets(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.files.iter().map(|file| file.subset.first().unwrap_or(&file.name).clone()).collect();
        names.dedup();
        names
    }

    /// Whether it comes in parts that are of use alone.
    pub(super) fn has_parts(&self) -> bool {
        self.files.len() > 1 && self.files.iter().any(|file| !file.subset.is_empty())
    }

    /// The folder in which somebody put it, of what no program may fetch.
    pub(super) fn by_hand(&self, folder: Option<&Path>) -> Option<PathBuf> {
        let folder = folder.or_else(|| self.folder.as_ref().map(Path::new))?;
        folder.join(self.sign.as_ref()?).exists().then(|| folder.to_owned())
    }

    /// Where a file can be had.
    pub(super) fn urls(&self, file: &Source, revision: &str) -> Vec<String> {
        match &self.hub {
            Some(hub) if file.urls.is_empty() => {
                vec![format!("https://huggingface.co/{hub}/resolve/{revision}/{}", file.name)]
            }
            _ => file.urls.clone(),
        }
    }

    fn problems(&self, kind: Kind) -> Vec<String> {
        let mut problems = Vec::new();
        if [&self.name, &self.about, &self.licence, &self.page].iter().any(|text| text.trim().is_empty()) {
            problems.push("name, about, licence and page may not be empty".to_owned());
        }
        if self.folder.is_none() && (kind == Kind::Corpus || self.hub.is_none()) {
            problems.push("it has no folder".into());
        }
        if self.walled.is_some() != self.files.is_empty() {
            problems.push("it needs files, or `walled`, but not both".into());
        }
        if self.walled.is_some() != self.sign.is_some() {
            problems.push("`walled` and `sign` belong together".into());
        }
        for (at, file) in self.files.iter().enumerate() {
            if self.files[..at].iter().any(|other| other.name == file.name) {
                problems.push(format!("two files are called `{}`", file.name));
            }
            let told = file.problems(self.hub.is_some()).into_iter();
            problems.extend(told.map(|problem| format!("`{}`: {problem}", file.name)));
        }
        problems
    }
}

impl Source {
    /// Whether `--subset NAME` means this file.
    fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.subset.iter().any(|subset| subset.eq_ignore_ascii_case(name))
    }

    /// Settings rather than weights: what a model of the hub does not work without, whichever weights are picked.
    pub(super) fn is_small(&self) -> bool {
        self.name.ends_with(".json")
            || self.name.ends_with(".yaml")
            || self.name.ends_with(".txt")
            || self.name.ends_with(".jsonl")
    }

    /// The room it takes, as far as that is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.bytes.or(self.roughly_bytes)
    }

    /// The strongest checksum that is publicly known.
    pub(super) fn sum(&self) -> Option<Sum> {
        let sha256 = self.sha256.clone().map(Sum::Sha256);
        sha256.or_else(|| self.git_blob.clone().map(Sum::GitBlob)).or_else(|| self.md5.clone().map(Sum::Md5))
    }

    fn problems(&self, at_the_hub: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if !Path::new(&self.name).components().all(|part| matches!(part, Component::Normal(_))) {
            problems.push("the name must be a path below the folder".to_owned());
        }
        if self.urls.is_empty() && !at_the_hub {
            problems.push("it has no urls".into());
        }
        if self.urls.iter().any(|url| !(url.starts_with("https://") || url.starts_with("http://"))) {
            problems.push("urls begin with https:// or http://".into());
        }
        let sums = [(&self.sha256, 64), (&self.git_blob, 40), (&self.md5, 32)];
        for (sum, digits) in sums {
            let sound = |sum: &String| sum.len() == digits && sum.chars().all(|c| c.is_ascii_hexdigit());
            if sum.as_ref().is_some_and(|sum| !sound(sum)) {
                problems.push(format!("a checksum of {digits} hexadecimal digits has another form"));
            }
        }
        // The hub states a checksum with every file it sends.
        if self.sum().is_some() == self.unsummed.is_some() && !at_the_hub {
            problems
                .push("it needs a checksum, or `unsummed` that says why there is none, but not both".into());
        }
        problems
    }
}
