//! What can go wrong on the way from a publisher to this disk.

use std::io;
use std::path::{Path, PathBuf};

use super::catalogue::Kind;
use crate::record::units;

/// Why something was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The catalogue is not sound.
    #[error("{whence} is no catalogue: {detail}")]
    Catalogue { whence: String, detail: String },
    /// No entry has this name.
    #[error("there is no {} `{name}` in the catalogue", word(*kind))]
    Unknown { kind: Kind, name: String, known: Vec<String> },
    /// A corpus was asked for as a model, or the other way round.
    #[error("`{name}` is a {}", word(*is))]
    OtherKind { name: String, is: Kind },
    /// An entry has no such part.
    #[error("`{name}` has no subset `{subset}`")]
    NoSubset { name: String, subset: String, known: Vec<String> },
    /// The publisher gives it to persons only.
    #[error("`{name}` cannot be fetched by a program: {how}")]
    Walled { name: String, how: String, folder: PathBuf },
    /// `--mirror` is no address.
    #[error("`{given}` is no address of a mirror")]
    Mirror { given: String },
    /// A folder is needed and the entry names none.
    #[error("there is no home folder to keep models in")]
    NoCache,
    /// Somebody else is fetching into the same folder.
    #[error("another fetch is at work in `{}`", folder.display())]
    Busy { folder: PathBuf },
    /// The server says that it has no such file, or not for us.
    #[error("{url} answers {status}")]
    Refused { url: String, status: u16 },
    /// The server could not be talked to, however often.
    #[error("cannot fetch {url}: {why} ({tries} {})", if *tries == 1 { "try" } else { "tries" })]
    GaveUp { url: String, why: String, tries: u32 },
    /// An answer that makes no sense.
    #[error("{url}: {detail}")]
    Answer { url: String, detail: String },
    /// The bytes are not the publisher's, twice.
    #[error("{url} sent the wrong bytes twice: {detail}")]
    Spoilt { url: String, detail: String },
    /// A file that was there before is not the publisher's.
    #[error("`{}` is not the publisher's file: {detail}", path.display())]
    Foreign { path: PathBuf, detail: String },
    /// The disk is too small.
    #[error("`{}` has {} free, {} are needed {what}", folder.display(), units::bytes(*free), units::bytes(*needed))]
    NoRoom { folder: PathBuf, free: u64, needed: u64, what: &'static str },
    /// The archive is broken.
    #[error("cannot unpack `{}`: {detail}", path.display())]
    Archive { path: PathBuf, detail: String },
    /// The archive would write elsewhere, or without end.
    #[error("refused to unpack `{}`: {detail}", path.display())]
    Unsafe { path: PathBuf, detail: String },
    /// Something else has the name of what was unpacked.
    #[error("`{}` is in the way of what is unpacked", path.display())]
    InTheWay { path: PathBuf },
    /// The hub did not say which commit it sent.
    #[error(
        "{url} does not say which commit it is of, so it has no place in the cache of Hugging Face's library"
    )]
    NoCommit { url: String },
    /// What `--verify` looked for is not there.
    #[error("{what} was not fetched into `{}`", folder.display())]
    Absent { what: String, folder: PathBuf },
    /// Files have changed since they were fetched.
    #[error("{}", changed(folder, files))]
    Changed {
        folder: PathBuf,
        /// What is wrong with each file.
        files: Vec<String>,
    },
    /// The disk refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What a kind is called.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Corpus => "corpus",
        Kind::Model => "model",
    }
}

fn changed(folder: &Path, files: &[String]) -> String {
    const SHOWN: usize = 10;
    let (many, are) = match files.len() {
        1 => ("1 file".to_owned(), "is not as it was fetched"),
        count => (format!("{count} files"), "are not as they were fetched"),
    };
    let first = files[..files.len().min(SHOWN)].join(", ");
    let mut said = format!("{many} in `{}` {are}: {first}", folder.display());
    if files.len() > SHOWN {
        said += " …";
    }
    said
}

impl FetchError {
    /// An error of the disk; a full one in the words for it.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        FetchError::Io { action, path: path.to_owned(), source }
    }

    /// Whether another address may do better.
    pub(super) fn is_of_the_server(&self) -> bool {
        matches!(
            self,
            FetchError::Refused { .. }
                | FetchError::GaveUp { .. }
                | FetchError::Answer { .. }
                | FetchError::Spoilt { .. }
        )
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            FetchError::Unknown { known, name, kind } => match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`runner data fetch` lists every {}", word(*kind)),
            },
            FetchError::OtherKind { name, is: Kind::Model } => format!("fetch it with `runner data fetch --model {name}`"),
            FetchError::OtherKind { name, is: Kind::Corpus } => format!("fetch it with `runner data fetch {name}`"),
            FetchError::NoSubset { known, .. } => format!("its subsets are {}", known.iter().map(|subset| format!("`{subset}`")).collect::<Vec<_>>().join(", ")),
            FetchError::Walled { folder, .. } => {
                format!("put it into `{}`, or give its folder to `runner data prepare`", folder.display())
            }
            FetchError::Mirror { .. } => "for example `--mirror https://openslr.example.org`".into(),
            FetchError::NoCache => "set `HF_HOME`, or give a folder with `--to`".into(),
            FetchError::Busy { .. } => "wait for it, or stop it; what it has is kept".into(),
            FetchError::Refused { status: 401 | 403, .. } => {
                "the publisher wants an account, or keeps programs out; download it by hand into the folder and run this again: \
                 it is verified and unpacked"
                    .into()
            }
            FetchError::Refused { .. } => {
                "the file may have moved: try `--mirror`, or a catalogue of your own with `--catalogue`".into()
            }
            FetchError::GaveUp { .. } => "what arrived is kept: the same command goes on from there; behind a proxy set `HTTPS_PROXY`, \
                                          or use `--mirror`"
                .into(),
            FetchError::Spoilt { .. } => {
                "something between here and the publisher changes files, or the publisher has a new version: try `--mirror`".into()
            }
            FetchError::Foreign { path, .. } => {
                format!("move `{}` away and run this again", path.display())
            }
            FetchError::NoRoom { .. } => "free some, or give another folder with `--to`".into(),
            FetchError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "the disk is full: free some; what arrived is kept, and the same command goes on from there".into()
            }
            FetchError::Archive { path, .. } => {
                format!("remove `{}` and run this again to fetch it anew", path.display())
            }
            FetchError::InTheWay { .. } => "move it away, or give another folder with `--to`".into(),
            FetchError::NoCommit { .. } => "give a folder with `--to`".into(),
            FetchError::Absent { .. } => "fetch it first: the same command without `--verify`".into(),
            FetchError::Changed { .. } => {
                "move the folder away and fetch it again, or restore these files".into()
            }
            _ => return None,
        })
    }
}

/// The known name that was probably meant.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    const ALIKE: f64 = 0.75;
    let name = name.to_ascii_lowercase();
    let alike = |other: &str| strsim::jaro_winkler(&name, &other.to_ascii_lowercase());
    let near = known.iter().filter(|other| alike(other) > ALIKE);
    near.max_by(|a, b| alike(a).total_cmp(&alike(b)))
}
