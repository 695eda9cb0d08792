//! Archives: what comes out of them stays below its folder, and is no more than an archive of that size may hold.

use std::fs;
use std::path::Path;

use runner::fetch::{Format, unpack_file};

use crate::session::emptied;
use crate::{Target, repair};

pub fn targets() -> Vec<Target> {
    let target =
        |name, words, repair, run| Target { name, seeds: &[], words, repair, run, most_bytes: 64 << 10 };
    vec![
        target(
            "tar",
            &[
                "ustar\0",
                "ustar  \0",
                "../",
                "/",
                "0000644\0",
                "00000000017\0",
                "77777777777\0",
                "1",
                "2",
                "5",
                "L",
                "K",
                "x",
                "g",
                "S",
                "30 mtime=1\n",
            ],
            repair::tar as fn(&mut [u8]),
            tar as fn(&Path, &[u8]) -> String,
        ),
        target("tar.gz", &["\x1f\u{8b}\x08"], repair::none, gz),
        target("tar.bz2", &["BZh9", "1AY&SY"], repair::none, bz2),
        target(
            "zip",
            &["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06", "../", "/", "\0\0\u{7f}\u{a1}"],
            repair::zip,
            zip,
        ),
    ]
}

fn unpacked(place: &Path, bytes: &[u8], format: Format) -> String {
    let place = emptied(place);
    let (archive, folder) = (place.join("archive"), place.join("deep/er/folder"));
    fs::write(&archive, bytes).expect("a file");
    let ended = unpack_file(&archive, format, &folder);
    // Nothing appears beside the folder, whether or not it could be unpacked.
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(place), ["archive", "deep"], "something outside of the folder");
    assert_eq!(names(&place.join("deep")), ["er"], "something outside of the folder");
    assert_eq!(names(&place.join("deep/er")), ["folder"], "something outside of the folder");
    if ended.is_ok() {
        inside(&folder, &folder.canonicalize().expect("a folder"));
    }
    match ended {
        Ok(members) => format!("{} members", members.min(9)),
        Err(error) => error.to_string(),
    }
}

/// No link leads out.
fn inside(dir: &Path, root: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a kind");
        if kind.is_symlink() {
            if let Ok(truth) = path.canonicalize() {
                assert!(truth.starts_with(root), "a link leads to {}", truth.display());
            }
        } else if kind.is_dir() {
            inside(&path, root);
        } else {
            assert!(kind.is_file(), "{} is no file", path.display());
        }
    }
}

fn tar(place: &Path, bytes: &[u8]) -> String {
    unpacked(place, bytes, Format::Tar)
}

fn gz(place: &Path, bytes: &[u8]) -> String {
    unpacked(place, bytes, Format::TarGz)
}

fn bz2(place: &Path, bytes: &[u8]) -> String {
    unpacked(place, bytes, Format::TarBz2)
}

fn zip(place: &Path, bytes: &[u8]) -> String {
    unpacked(place, bytes, Format::Zip)
}
