//! The folder to be: free, finished, somebody else's, or half done beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::journal::{JOURNAL, Journal};
use super::summary::{FORMAT, PREPARED, Summary};
use super::work::Made;
use super::{Layout, PrepareError, Recipe};

/// Where files grow that are not yet whole.
const SCRATCH: &str = "unfinished";

/// How the folder stands before work begins.
pub(super) enum Target {
    Finished(Box<Summary>),
    Free,
}

impl Target {
    /// # Errors
    /// The folder holds anything but this very preparation.
    pub(super) fn look(recipe: &dyn Recipe, out: &Path) -> Result<Self, PrepareError> {
        let taken = |detail: String| PrepareError::Taken { path: out.to_owned(), detail };
        match fs::read_dir(out) {
            Ok(mut entries) => {
                if entries.next().is_none() {
                    return Ok(Self::Free);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::Free),
            Err(error) => return Err(taken(format!("is no folder to write to ({error})"))),
        }
        let Ok(text) = fs::read_to_string(out.join(PREPARED)) else {
            return Err(taken("exists and is not empty".to_owned()));
        };
        let summary: Summary = serde_json::from_str(&text)
            .map_err(|error| taken(format!("holds a `{PREPARED}` that cannot be read ({error})")))?;
        if !summary.is_of(recipe) {
            return Err(taken(format!(
                "holds another preparation, of {} from `{}`",
                summary.corpus,
                summary.source.display()
            )));
        }
        // A process killed right after the rename leaves its journal; nobody needs it any more.
        _ = fs::remove_file(out.join(JOURNAL));
        Ok(Self::Finished(Box::new(summary)))
    }
}

/// The folder under construction.
#[derive(Debug)]
pub(super) struct Staging {
    dir: PathBuf,
    journal: Journal,
}

impl Staging {
    /// Makes `out.partial`, or goes on with it; with it comes what is already done, for each unit.
    pub(super) fn open(
        recipe: &dyn Recipe,
        layout: &Layout,
        out: &Path,
    ) -> Result<(Self, Vec<Option<Made>>), PrepareError> {
        // Through components, so that a trailing slash does not put the folder inside the other.
        let mut dir = out.components().collect::<PathBuf>().into_os_string();
        dir.push(".partial");
        let dir = PathBuf::from(dir);
        if dir.is_dir() && !dir.join(JOURNAL).is_file() && !is_empty(&dir) {
            let detail = "is in the way and holds no beginning of a preparation".to_owned();
            return Err(PrepareError::Taken { path: dir, detail });
        }
        let scratch = dir.join(SCRATCH);
        fs::create_dir_all(&scratch).map_err(|error| PrepareError::Taken {
            path: dir.clone(),
            detail: format!("cannot be made ({error})"),
        })?;
        let (journal, entries) = Journal::open(&dir, &head(recipe, layout))?;
        let mut made: Vec<Option<Made>> = layout.units.iter().map(|_| None).collect();
        for entry in entries {
            if let Some(unit) = layout.units.get(entry.unit)
                && entry.is_there(unit, &dir)
            {
                let at = entry.unit;
                made[at] = Some(entry);
            }
        }
        Ok((Self { dir, journal }, made))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A place for a file that `worker` is writing.
    pub(super) fn scratch(&self, worker: usize) -> PathBuf {
        self.dir.join(SCRATCH).join(worker.to_string())
    }

    /// Remembers that a unit is done.
    pub(super) fn done(&mut self, made: &Made) -> Result<(), PrepareError> {
        self.journal.append(made)
    }

    /// Gives the folder its name. From then on it is whole.
    pub(super) fn publish(self, out: &Path) -> Result<(), PrepareError> {
        let scratch = self.dir.join(SCRATCH);
        fs::remove_dir_all(&scratch).map_err(PrepareError::io("remove", &scratch))?;
        if out.is_dir() {
            // Only an empty folder can be removed so; anything put there meanwhile is safe.
            fs::remove_dir(out).map_err(PrepareError::io("replace the empty folder", out))?;
        }
        fs::rename(&self.dir, out).map_err(PrepareError::io("make the folder", out))?;
        let journal = out.join(JOURNAL);
        fs::remove_file(&journal).map_err(PrepareError::io("remove", &journal))
    }

    /// Leaves nothing behind.
    pub(super) fn discard(self) -> Result<(), PrepareError> {
        fs::remove_dir_all(&self.dir).map_err(PrepareError::io("remove", &self.dir))
    }
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// What is being prepared, down to every clip: a journal of anything else is not gone on with.
fn head(recipe: &dyn Recipe, layout: &Layout) -> Value {
    let mut hash = Sha256::new();
    for unit in &layout.units {
        hash.update(format!("{unit:?}\n"));
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "format": FORMAT,
        "corpus": recipe.name(),
        "source": recipe.source(),
        "options": recipe.options(),
        "clips": digest,
    })
}
