//! Whether a file looks like what its name says: all there is to go by where no checksum is published.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Why the file at `path` (`NAME` or `NAME.part`) is not of the format that `NAME` ends in; `None` where it may be.
pub(in crate::fetch) fn format_fault(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut head));
    if read.is_err() || head.is_empty() {
        return Some("it is empty".into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".part").unwrap_or(&name);
    let text = String::from_utf8_lossy(&head).trim_start().to_ascii_lowercase();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return Some("it is a web page".into());
    }
    let is = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let begins = |with: &[u8]| head.starts_with(with);
    if is(&[".zip"]) && !begins(b"PK") {
        Some("it is no zip archive".into())
    } else if is(&[".gz", ".tgz"]) && !begins(&[0x1f, 0x8b]) {
        Some("it is not packed by gzip".into())
    } else if is(&[".bz2"]) && !begins(b"BZh") {
        Some("it is not packed by bzip2".into())
    } else if is(&[".json", ".jsonl"]) && !text.starts_with(['{', '[']) {
        Some("it is not JSON".into())
    } else if is(&[".pt", ".pth", ".th", ".ckpt", "pytorch_model.bin"]) && !begins(b"PK") && !begins(&[0x80])
    {
        Some("it is no checkpoint of PyTorch".into())
    } else {
        None
    }
}
