//! Run folders as CALD's published programs leave them: `model.ckpt-STEP`, and `model.ckpt-STEP-METRIC-VALUE` for those they called best.

use std::path::{Path, PathBuf};

/// One checkpoint file of such a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    pub step: u64,
    pub path: PathBuf,
    /// The metrics that were the best so far at this step, as the file's name says; empty for an ordinary checkpoint.
    pub best: Vec<(String, f64)>,
}

impl Published {
    /// The checkpoint that a file's name says it is; `None` for any other file.
    pub fn named(path: &Path) -> Option<Self> {
        let rest = path.file_name()?.to_str()?.strip_prefix("model.ckpt-")?;
        let mut parts = rest.split('-');
        let step = parts.next()?.parse().ok()?;
        let mut best = Vec::new();
        while let Some(metric) = parts.next() {
            best.push((metric.to_owned(), parts.next()?.parse().ok()?));
        }
        Some(Self { step, path: path.to_owned(), best })
    }

    /// All checkpoints in a folder by ascending step; of two files of one step the ordinary one.
    pub fn in_folder(folder: &Path) -> Vec<Self> {
        let entries = folder.read_dir().into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        let mut found: Vec<Self> = files.filter_map(|path| Self::named(&path)).collect();
        found.sort_by(|a, b| (a.step, a.best.len(), &a.path).cmp(&(b.step, b.best.len(), &b.path)));
        found.dedup_by_key(|checkpoint| checkpoint.step);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_step_and_metrics() {
        let named = |name: &str| Published::named(Path::new(name)).map(|found| (found.step, found.best));
        assert_eq!(named("run/model.ckpt-2000"), Some((2000, vec![])));
        let best = vec![("wer".to_owned(), 0.1234), ("clf_acc".to_owned(), 0.5)];
        assert_eq!(named("model.ckpt-40-wer-0.1234-clf_acc-0.5000"), Some((40, best)));
        for other in ["model.ckpt-", "model.ckpt-x", "model.ckpt-4-wer", "model.safetensors", "hparams.json"]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn a_folder_lists_each_step_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["model.ckpt-10-wer-0.5000", "model.ckpt-4", "model.ckpt-10", "feeder_0.pth"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<String> = Published::in_folder(folder.path())
            .iter()
            .map(|checkpoint| checkpoint.path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["model.ckpt-4", "model.ckpt-10"]);
    }
}
