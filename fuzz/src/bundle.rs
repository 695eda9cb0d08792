//! Several files as one input: `=== NAME` on a line of its own, and what is in the file. One mutation then reaches any of them, or moves
//! the border between two.

use std::path::Path;

/// The files of an input. Names are taken from `known` alone: where bytes go is not the input's to say.
pub fn files<'a>(bytes: &'a [u8], known: &[&'static str]) -> Vec<(&'static str, &'a [u8])> {
    let mut found: Vec<(&'static str, &[u8])> = Vec::new();
    let mut rest = bytes;
    let mut open: Option<&'static str> = None;
    while !rest.is_empty() {
        let end = border(rest, known);
        let (here, name, after) =
            end.map_or((rest.len(), None, rest.len()), |(at, name, after)| (at, Some(name), after));
        if let Some(open) = open {
            found.push((open, &rest[..here]));
        }
        open = name;
        rest = &rest[after..];
    }
    if let Some(open) = open {
        found.push((open, &[]));
    }
    found
}

/// The next line that begins a file: where, which, and where the line ends.
fn border(bytes: &[u8], known: &[&'static str]) -> Option<(usize, &'static str, usize)> {
    let mut at = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let name =
            line.strip_prefix(b"=== ").and_then(|name| std::str::from_utf8(name).ok()).map(str::trim_end);
        if let Some(name) = name.and_then(|name| known.iter().find(|known| **known == name)) {
            return Some((at, name, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// A file's bytes, or a folder's files as one input.
///
/// # Panics
/// It cannot be read.
pub fn read(path: &Path) -> Vec<u8> {
    if path.is_file() {
        return std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let mut all = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    entries.sort_unstable();
    for file in entries {
        all.extend(format!("=== {}\n", file.file_name().unwrap_or_default().to_string_lossy()).bytes());
        all.extend(read(&file));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::files;

    #[test]
    fn borders_are_lines_with_known_names() {
        let known = ["a.json", "b.toml"];
        let bytes = b"lost\n=== a.json\n{}\n=== ../b.toml\nx\n=== b.toml\ny\n=== a.json\n";
        let want: [(&str, &[u8]); 3] =
            [("a.json", b"{}\n=== ../b.toml\nx\n"), ("b.toml", b"y\n"), ("a.json", b"")];
        assert_eq!(files(bytes, &known), want);
        assert!(files(b"none", &known).is_empty());
    }
}
