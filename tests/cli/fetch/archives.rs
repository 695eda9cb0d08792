//! Archives: unpacked, refused, compared again.

use std::fs;
use std::io::Write;

use super::{Scene, facts, names, noise, sha256};
use crate::server::Reply;

/// A tar of these members, packed by gzip.
fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(packed);
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).expect("a member");
    }
    tar.into_inner().expect("a tar").finish().expect("gzip")
}

impl Scene {
    /// A corpus `x` of archives in two parts.
    fn of_archives(parts: &[(&str, &[u8])]) -> Self {
        let scene = Scene::new("");
        let files: String = parts
            .iter()
            .map(|(name, body)| {
                scene.server.at(&format!("/{name}"), [Reply::file(body)]);
                let subset = name.split('.').next().unwrap_or_default();
                scene.file(name, &format!("{}\nsubset = [\"{subset}\"]\nunpack = \"tar.gz\"", facts(body)))
            })
            .collect();
        scene.catalogue(&scene.corpus("x", &files));
        scene
    }
}

#[test]
fn archives_are_unpacked_into_one_folder_and_verified_again() {
    let dev = tar_gz(&[("Libri/README", b"read me"), ("Libri/dev/1.flac", b"dev one")]);
    let test = tar_gz(&[("Libri/README", b"read me"), ("Libri/test/2.flac", b"test two")]);
    let scene = Scene::of_archives(&[("dev.tar.gz", &dev), ("test.tar.gz", &test)]);
    let said = scene.fetch(&["x", "--subset", "DEV"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("dev.tar.gz: unpacked 2 files, 14 B"), "{}", said.err);
    assert_eq!(names(&scene.path("x")), ["Libri"], "the archive is gone");
    assert_eq!(names(&scene.path("x/Libri")), ["README", "dev"]);
    let listed: serde_json::Value = serde_json::from_str(&scene.fetch(&["--json"]).out).expect("a list");
    assert_eq!((&listed[0]["here"], &listed[0]["files"]), (&1.into(), &2.into()));
    let said = scene.fetch(&["x", "--keep-archive"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(names(&scene.path("x")), ["Libri", "test.tar.gz"]);
    assert_eq!(names(&scene.path("x/Libri")), ["README", "dev", "test"]);
    let asked = scene.server.asked().len();
    let said = scene.fetch(&["x", "--verify"]);
    assert_eq!((said.code, scene.server.asked().len()), (0, asked), "{}", said.err);
    assert!(said.err.contains("x is as it was fetched"), "{}", said.err);
    fs::write(scene.path("x/Libri/dev/1.flac"), b"dev two").expect("a file");
    fs::remove_file(scene.path("x/Libri/test/2.flac")).expect("a file");
    let said = scene.fetch(&["x", "--verify"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let wrong =
        "are not as they were fetched: `Libri/dev/1.flac` has changed, `Libri/test/2.flac` is missing";
    assert!(said.err.contains(wrong), "{}", said.err);
    // The list is one that the usual program reads.
    let list = fs::read_to_string(scene.path("x/.fetch/dev.tar.gz.sha256")).expect("a list");
    assert!(list.contains(&format!("{}  Libri/README\n", sha256(b"read me"))), "{list}");
    let said = scene.fetch(&["x", "--subset", "nothing"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("`x` has no subset `nothing`\nhelp: its subsets are `dev`, `test`"),
        "{}",
        said.err
    );
}

#[test]
fn an_archive_that_is_not_safe_leaves_nothing_behind() {
    let raw = |name: &str| {
        // The builder refuses such names; publishers with bad intentions do not.
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().expect("gnu").name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(1);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([b'x'; 512]);
        bytes.extend([0; 1024]);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&bytes).expect("gzip");
        packed.finish().expect("gzip")
    };
    for name in ["../escaped", "/tmp/escaped_from_a_test", "a/../../escaped"] {
        let body = raw(name);
        let scene = Scene::of_archives(&[("bad.tar.gz", &body)]);
        let said = scene.fetch(&["x"]);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.err.contains(&format!("`{name}` leads out of its folder")), "{}", said.err);
        assert_eq!(names(&scene.path("x")), ["bad.tar.gz"]);
        assert_eq!(names(scene.dir.path()), ["catalogue.toml", "x"]);
        assert_eq!(names(&scene.path("x/.fetch")), ["lock"], "no record, nothing half unpacked");
    }
}

#[test]
fn a_broken_archive_without_a_checksum_is_no_success() {
    let mut body = tar_gz(&[("a/1", &[1; 100_000]), ("a/2", &noise())]);
    body.truncate(body.len() / 2);
    let scene = Scene::new("");
    scene.catalogue(&scene.corpus("x", &scene.file("x.tar.gz", "unsummed = \"no\"\nunpack = \"tar.gz\"")));
    scene.server.at("/x.tar.gz", [Reply::file(&body)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("error: cannot unpack `"), "{}", said.err);
    assert_eq!(names(&scene.path("x")), ["x.tar.gz"]);
    // A web page under the name of an archive does not even get that far.
    scene.server.at("/x.tar.gz", [Reply::file(b"<!DOCTYPE html><p>Log in")]);
    fs::remove_file(scene.path("x/x.tar.gz")).expect("an archive");
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("sent the wrong bytes twice: it is a web page"), "{}", said.err);
}
