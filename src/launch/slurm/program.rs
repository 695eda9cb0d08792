//! The program as it is now, kept for jobs that start later.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::record::{RecordError, SweepFolder};

/// This program and its copy in a sweep's folder. A rebuild meanwhile changes no job that waits: copies are named by their content.
#[derive(Debug, Clone)]
pub struct Program {
    now: PathBuf,
    /// SHA-256 of the file.
    pub digest: String,
    /// Where the jobs find it.
    pub frozen: PathBuf,
}

impl Program {
    /// This program, for the jobs of a sweep.
    ///
    /// # Errors
    /// Its file cannot be found or read.
    pub fn this(sweep: &SweepFolder) -> Result<Self, RecordError> {
        let now = std::env::current_exe().map_err(RecordError::io("find", Path::new("this program")))?;
        Self::at(now, sweep)
    }

    /// The program in the file `now`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn at(now: PathBuf, sweep: &SweepFolder) -> Result<Self, RecordError> {
        let mut hash = Sha256::new();
        File::open(&now)
            .and_then(|mut file| io::copy(&mut file, &mut Writer(&mut hash)))
            .map_err(RecordError::io("read", &now))?;
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let frozen = sweep.slurm_dir().join(format!("runner-{}", &digest[..8]));
        Ok(Program { now, digest, frozen })
    }

    /// Copies it, unless that was done before.
    ///
    /// # Errors
    /// The file system refused.
    pub fn freeze(&self) -> Result<(), RecordError> {
        if self.frozen.is_file() {
            return Ok(());
        }
        let partial = self.frozen.with_extension(format!("partial-{}", std::process::id()));
        fs::copy(&self.now, &partial)
            .and_then(|_| File::open(&partial)?.sync_all())
            .and_then(|()| fs::rename(&partial, &self.frozen))
            .map_err(RecordError::io("copy this program to", &self.frozen))
    }
}

/// A hash that bytes are copied into.
struct Writer<'a>(&'a mut Sha256);

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
