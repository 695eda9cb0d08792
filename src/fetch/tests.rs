//! The catalogue is sound, and archives stay inside their folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::catalogue::{Catalogue, Kind};
use super::digest::{Sum, sum_like};
use super::download::Way;
use super::error::FetchError;
use super::http::Http;
use super::request::Manners;
use super::unpack::{Format, Member, unpack};

#[test]
fn the_shipped_catalogue_is_sound() {
    let catalogue = Catalogue::shipped().unwrap();
    let entry = |kind, name| catalogue.find(kind, name).unwrap();
    let librispeech = entry(Kind::Corpus, "LibriSpeech");
    assert_eq!(librispeech.pick(&[]).unwrap().len(), 7, "the speech, without books and mp3");
    let total: u64 = librispeech.pick(&[]).unwrap().iter().filter_map(|file| file.bytes).sum();
    assert_eq!(total, 61_357_943_031);
    let picked = librispeech.pick(&["validation.clean".into(), "raw-metadata".into()]).unwrap();
    let names: Vec<&str> = picked.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["dev-clean.tar.gz", "raw-metadata.tar.gz"]);
    let wav2vec2 = entry(Kind::Model, "facebook/wav2vec2-base");
    assert_eq!(
        wav2vec2.urls(&wav2vec2.files[0], &wav2vec2.revision),
        [
            "https://huggingface.co/facebook/wav2vec2-base/resolve/0b5b8e868dd84f03fd87d01f9c4ff0f080fecfe8/config.json"
        ]
    );
    // What an experiment names as pretrained can be fetched under that name.
    assert_eq!(entry(Kind::Model, "facebook/wav2vec2-large-lv60").name, "wav2vec2-large-lv60");
    for kind in [Kind::Corpus, Kind::Model] {
        for entry in catalogue.of(kind) {
            for file in &entry.files {
                let summed = file.sum().is_some() || file.unsummed.is_some() || entry.hub.is_some();
                assert!(summed, "{} of {}", file.name, entry.name);
            }
        }
    }
}

#[test]
fn an_unsound_catalogue_is_refused_with_all_its_faults() {
    let entry = |rest: &str| {
        format!("[[corpus]]\nname = \"x\"\nabout = \"a\"\nlicence = \"l\"\npage = \"p\"\n{rest}")
    };
    let fault = |rest: &str| Catalogue::parse(&entry(rest), "it").unwrap_err().to_string();
    assert_eq!(
        fault(""),
        "it is no catalogue: `x`: it has no folder; `x`: it needs files, or `walled`, but not both"
    );
    let file = |rest: &str| fault(&format!("folder = \"f\"\n[[corpus.file]]\nname = {rest}"));
    assert_eq!(
        file("\"../y\""),
        "it is no catalogue: `x`: `../y`: the name must be a path below the folder; `x`: `../y`: it has no urls; \
         `x`: `../y`: it needs a checksum, or `unsummed` that says why there is none, but not both"
    );
    assert_eq!(
        file("\"y\"\nurls = [\"ftp://a\"]\nmd5 = \"12\""),
        "it is no catalogue: `x`: `y`: urls begin with https:// or http://; \
         `x`: `y`: a checksum of 32 hexadecimal digits has another form"
    );
    assert!(fault("folders = 1").contains("unknown field `folders`"), "{}", fault("folders = 1"));
    let twice = [
        entry("walled = \"w\"\nsign = \"s\"\nfolder = \"f\"\n"),
        entry("walled = \"w\"\nsign = \"s\"\nfolder = \"f\"\n"),
    ]
    .concat();
    assert_eq!(
        Catalogue::parse(&twice, "it").unwrap_err().to_string(),
        "it is no catalogue: `x` is there twice"
    );
}

/// The numbers of the programs `sha256sum`, `md5sum` and `git hash-object`.
#[test]
fn sums_are_those_of_the_usual_programs() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "waypoint\n").unwrap();
    for sum in [Sum::Sha256("SHA".into()), Sum::Md5("MD5".into()), Sum::GitBlob("GIT".into())] {
        let known = match sum {
            Sum::Sha256(_) => "e379085074ca5e723e51f3e498f1f712b5619ff47b30b11bf9b0098893e56bef",
            Sum::Md5(_) => "ebf8ca70f8af36205af10d364f73d28b",
            Sum::GitBlob(_) => "280d4d71461f27db26db6fa2c9d17854ed17cda9",
        };
        assert_eq!(sum_like(&sum, file.path()).unwrap().value(), known);
    }
    assert_eq!(
        Sum::from_etag("W/\"280d4d71461f27db26db6fa2c9d17854ed17cda9\""),
        Some(Sum::GitBlob("280d4d71461f27db26db6fa2c9d17854ed17cda9".into()))
    );
    assert_eq!(Sum::from_etag("\"5f-abc\""), None);
}

/// An archive, and the folder it is unpacked into.
struct Scene {
    dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        Scene { dir: TempDir::new().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("deep/folder")
    }

    fn unpack(&self, format: Format, bytes: &[u8], most: Option<u64>) -> Result<Vec<Member>, FetchError> {
        let archive = self.dir.path().join("archive");
        fs::write(&archive, bytes).unwrap();
        let (http, stop) = (Http::new(None), AtomicBool::new(false));
        let mut way = Way { http: &http, manners: &Manners::default(), stop: &stop, tell: &mut |_| {} };
        unpack(&mut way, &archive, format, &self.folder(), most)
    }

    fn refusal(&self, format: Format, bytes: &[u8]) -> String {
        match self.unpack(format, bytes, None) {
            Err(FetchError::Unsafe { detail, .. }) => detail,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap()
    }
}

/// A member of a tar: a file's content, or where a link leads.
fn member(tar: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, with: &str) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(if kind == EntryType::Regular { with.len() as u64 } else { 0 });
    match kind {
        EntryType::Regular => tar.append_data(&mut header, name, with.as_bytes()).unwrap(),
        EntryType::Symlink | EntryType::Link => tar.append_link(&mut header, name, with).unwrap(),
        _ => tar.append_data(&mut header, name, std::io::empty()).unwrap(),
    }
}

fn tar_of(members: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, kind, with) in members {
        member(&mut tar, name, *kind, with);
    }
    tar.into_inner().unwrap()
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;

#[test]
fn every_format_is_unpacked_and_summed() {
    let tar = tar_of(&[
        ("root", EntryType::Directory, ""),
        ("root/a.txt", FILE, "one"),
        ("root/a.txt", FILE, "two"),
        ("root/b.txt", EntryType::Link, "root/a.txt"),
        ("root/sub/c.txt", LINK, "../a.txt"),
    ]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar).unwrap();
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz2.write_all(&tar).unwrap();
    let packed = [
        (Format::Tar, tar.clone()),
        (Format::TarGz, gz.finish().unwrap()),
        (Format::TarBz2, bz2.finish().unwrap()),
    ];
    for (format, bytes) in packed {
        let scene = Scene::new();
        let members = scene.unpack(format, &bytes, None).unwrap();
        let names: Vec<&Path> = members.iter().map(|member| member.path.as_path()).collect();
        assert_eq!(names, [Path::new("root/a.txt"), Path::new("root/b.txt")], "{format:?}");
        assert_eq!(["root/a.txt", "root/b.txt", "root/sub/c.txt"].map(|name| scene.read(name)), ["two"; 3]);
        assert_eq!(members[0].sha256, members[1].sha256);
        let sum = sum_like(&Sum::Sha256(String::new()), &scene.folder().join("root/a.txt")).unwrap();
        assert_eq!(sum.value(), members[0].sha256);
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_directory("root/", SimpleFileOptions::default()).unwrap();
    zip.start_file("root/a.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"two").unwrap();
    zip.add_symlink("root/sub/c.txt", "../a.txt", SimpleFileOptions::default()).unwrap();
    let scene = Scene::new();
    let members = scene.unpack(Format::Zip, &zip.finish().unwrap().into_inner(), None).unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!(["root/a.txt", "root/sub/c.txt"].map(|name| scene.read(name)), ["two"; 2]);
}

#[test]
fn links_that_lead_out_are_refused() {
    for (at, to) in [
        ("a", "/etc/passwd"),
        ("a", "../b"),
        ("s/a", "../../b"),
        // Inside by its letters, outside if `s` is a link.
        ("a", "s/../../b"),
        ("s/a", "t/.."),
    ] {
        let said = Scene::new().refusal(Format::Tar, &tar_of(&[("f", FILE, "x"), (at, LINK, to)]));
        assert_eq!(said, format!("the link `{at}` leads to `{to}`, out of its folder"));
    }
    let scene = Scene::new();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_symlink("a", "../../outside", SimpleFileOptions::default()).unwrap();
    zip.start_file("../../outside", SimpleFileOptions::default()).unwrap();
    let said = scene.refusal(Format::Zip, &zip.finish().unwrap().into_inner());
    assert_eq!(said, "the link `a` leads to `../../outside`, out of its folder");
    assert!(!scene.dir.path().join("outside").exists());
}

#[test]
fn nothing_is_written_through_a_link() {
    let scene = Scene::new();
    let tar = tar_of(&[("real/x", FILE, "old"), ("door", LINK, "real"), ("door/x", FILE, "new")]);
    // The member needs a folder where the link would be: the folder stays, and the file behind the link is as it was.
    scene.unpack(Format::Tar, &tar, None).unwrap();
    assert_eq!((scene.read("real/x"), scene.read("door/x")), ("old".into(), "new".into()));
}

#[test]
fn devices_bombs_and_stumps_are_refused() {
    let said = Scene::new().refusal(Format::Tar, &tar_of(&[("pipe", EntryType::Fifo, "")]));
    assert_eq!(said, "`pipe` is neither file, folder nor link");
    // 30 MB of zeros in some 30 kB.
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("zeros", SimpleFileOptions::default()).unwrap();
    zip.write_all(&vec![0; 30_000_000]).unwrap();
    let bomb = zip.finish().unwrap().into_inner();
    let said = Scene::new().refusal(Format::Zip, &bomb);
    assert_eq!(said, format!("it holds more than the {} bytes it may", bomb.len() as u64 * 100));
    // The same with a catalogue that knows better.
    assert_eq!(Scene::new().unpack(Format::Zip, &bomb, Some(30_000_000)).unwrap().len(), 1);
    let scene = Scene::new();
    let tar = tar_of(&[("f", FILE, &"x".repeat(5_000))]);
    let error = scene.unpack(Format::Tar, &tar[..3_000], None).unwrap_err();
    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    for format in [Format::TarGz, Format::TarBz2, Format::Zip] {
        let error = Scene::new().unpack(format, &tar, None).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }), "{format:?}: {error}");
    }
    let error = Scene::new().unpack(Format::Tar, &tar_of(&[]), None).unwrap_err();
    assert!(error.to_string().ends_with(": it is empty"), "{error}");
}

#[test]
fn a_link_behind_a_link_is_refused() {
    // By its letters `a/b/c` leads to the folder itself; where `a` leads, it would lead out of it.
    let tar = tar_of(&[("f", FILE, "x"), ("a", LINK, "."), ("a/b/c", LINK, "../..")]);
    assert_eq!(Scene::new().refusal(Format::Tar, &tar), "the link `a/b/c` lies behind the link `a`");
}

#[test]
fn names_without_end_and_files_without_number_are_refused() {
    // A header that announces a name of four megabytes, and the name.
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(4 << 20);
    let mut tar = Builder::new(Vec::new());
    tar.append_data(&mut header, "././@LongLink", "n".repeat(4 << 20).as_bytes()).unwrap();
    let error = Scene::new().unpack(Format::Tar, &tar.into_inner().unwrap(), None).unwrap_err();
    assert!(error.to_string().ends_with("more than a mebibyte stands between two of its files"), "{error}");
    // Links are made last of all, so nothing of it comes onto the disk.
    let names: Vec<String> = (0..20_000).map(|number| format!("l{number}")).collect();
    let links: Vec<(&str, EntryType, &str)> = names.iter().map(|name| (name.as_str(), LINK, "f")).collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&tar_of(&links)).unwrap();
    let said = Scene::new().refusal(Format::TarGz, &gz.finish().unwrap());
    assert_eq!(said, "it holds more files than one of its size can");
}
