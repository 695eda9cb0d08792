//! `runner data fetch` against a server that breaks off, lies about lengths, changes files and sends wrong bytes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::server::{Reply, Server};
use super::support::{Said, command, root, said};

/// A folder, a server, and a catalogue with one corpus `x` of one file `x.bin`.
struct Scene {
    dir: TempDir,
    server: Server,
}

/// 3 MiB that no two places of are alike.
fn noise() -> Vec<u8> {
    (0..3_u32 << 18).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a corpus of one file says of it.
fn facts(body: &[u8]) -> String {
    format!("bytes = {}\nsha256 = \"{}\"", body.len(), sha256(body))
}

impl Scene {
    fn new(facts: &str) -> Self {
        let scene = Scene { dir: TempDir::new().expect("a folder"), server: Server::start() };
        scene.catalogue(&scene.corpus("x", &scene.file("x.bin", facts)));
        scene
    }

    fn corpus(&self, name: &str, files: &str) -> String {
        let folder = self.path(name);
        format!(
            "[[corpus]]\nname = \"{name}\"\nabout = \"a test\"\nlicence = \"CC0\"\npage = \"https://example.org\"\n\
             folder = \"{}\"\n{files}",
            folder.display()
        )
    }

    fn file(&self, name: &str, facts: &str) -> String {
        format!("\n[[corpus.file]]\nname = \"{name}\"\nurls = [\"https://example.org/{name}\"]\n{facts}\n")
    }

    fn catalogue(&self, text: &str) {
        fs::write(self.path("catalogue.toml"), text).expect("a catalogue");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let catalogue = self.path("catalogue.toml");
        let mut all = vec!["data", "fetch", "--mirror", &self.server.url, "--retry-wait", "0"];
        all.extend(["--catalogue", catalogue.to_str().expect("text")]);
        all.extend(arguments);
        let mut command = command(&all);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.env("HF_HOME", self.path("hf")).env_remove("HF_HUB_CACHE");
        command
    }

    fn fetch(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().expect("the program starts"))
    }

    /// What is in the folder of `x`, records apart.
    fn names(&self) -> Vec<String> {
        names(&self.path("x"))
    }

    fn arrived(&self) -> Vec<u8> {
        fs::read(self.path("x/x.bin")).expect("the file is there")
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.retain(|name| name != ".fetch");
    names.sort();
    names
}

#[test]
fn a_whole_file_is_fetched_once() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&body).etag("\"1\"")]);
    let first = scene.fetch(&["x"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let folder = scene.path("x").display().to_string();
    let expected = format!(
        "x.bin: 3.1 MB\nx.bin: 3.1 MB, verified by the SHA-256 of the catalogue\nx is at {folder}; its licence: CC0\n"
    );
    assert_eq!(first.err, expected);
    assert!(scene.arrived() == body);
    let second = scene.fetch(&["x", "--json"]);
    assert_eq!((second.code, second.err), (0, format!("x is already there: {folder}\n")));
    let said: serde_json::Value = serde_json::from_str(&second.out).expect("JSON");
    assert_eq!(said["files"][0]["state"], "already_there");
    assert_eq!(said["files"][0]["sha256"], sha256(&body));
    assert_eq!(scene.server.asked().len(), 1, "nothing is asked for what is there");
    assert_eq!(scene.names(), ["x.bin"]);
}

#[test]
fn a_connection_that_breaks_off_is_gone_on_with() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    let file = Reply::file(&body).etag("\"1\"");
    scene.server.at(
        "/x.bin",
        [
            file.clone().breaking_after(1_000_000),
            Reply::status(503),
            file.clone().breaking_after(1_000_000),
            file,
        ],
    );
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("after 1000000 of 3145728 bytes; trying again in 0.00 s (5 more)"),
        "{}",
        said.err
    );
    assert!(said.err.contains(" answers 503; trying again in 0.00 s (4 more)"), "{}", said.err);
    assert!(said.err.contains("x.bin: going on after the 1.0 MB of 3.1 MB that are here"), "{}", said.err);
    assert_eq!(scene.server.starts(), [0, 1_000_000, 1_000_000, 2_000_000]);
    assert_eq!(scene.server.asked()[1].if_range.as_deref(), Some("\"1\""));
    assert!(scene.arrived() == body);
}

#[test]
fn what_arrived_is_kept_when_patience_ends_and_used_the_next_time() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    let file = Reply::file(&body).etag("\"1\"");
    scene.server.at("/x.bin", [file.clone().breaking_after(70_000), Reply::status(500)]);
    let said = scene.fetch(&["x", "--retries", "1"]);
    assert_eq!(said.code, 74, "{}", said.err);
    let host = scene.server.url.trim_start_matches("http://").to_owned();
    let error = format!("error: cannot fetch {}/x.bin: {host} answers 500 (2 tries)", scene.server.url);
    assert!(said.err.contains(&error), "{}", said.err);
    assert!(said.err.contains("the same command goes on from there"), "{}", said.err);
    assert_eq!(scene.names(), ["x.bin.part", "x.bin.part.json"], "no partial looks whole");
    scene.server.at("/x.bin", [file]);
    assert_eq!(scene.fetch(&["x"]).code, 0);
    assert_eq!(scene.server.starts(), [0, 70_000, 70_000]);
    assert!(scene.arrived() == body);
    assert_eq!(scene.names(), ["x.bin"]);
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_beginning() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    let file = Reply::file(&body).etag("\"1\"").without_ranges();
    scene.server.at("/x.bin", [file.clone().breaking_after(9_000), file]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("x.bin: the server does not go on in the middle of a file; starting over"),
        "{}",
        said.err
    );
    assert!(scene.arrived() == body);
}

#[test]
fn a_file_that_changes_between_tries_is_not_mixed() {
    let (old, new) = (vec![1_u8; 500_000], noise());
    let scene = Scene::new("unsummed = \"nobody says\"");
    scene.server.at(
        "/x.bin",
        [Reply::file(&old).etag("\"old\"").breaking_after(100_000), Reply::file(&new).etag("\"new\"")],
    );
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("x.bin: the file has changed on the server; starting over"), "{}", said.err);
    assert!(
        said.err.contains("verified by length and format only: no checksum is published"),
        "{}",
        said.err
    );
    assert!(scene.arrived() == new);
}

/// It answers the range although the file has changed: `If-Range` ignored, another `ETag` sent.
#[test]
fn a_rest_of_another_version_is_refused() {
    let (old, new) = (vec![1_u8; 500_000], vec![2_u8; 500_000]);
    let scene = Scene::new("unsummed = \"nobody says\"");
    let date = "Sat, 01 Jan 2022 00:00:00 GMT";
    scene.server.at(
        "/x.bin",
        [
            Reply::file(&old).header("etag", "\"old\"").breaking_after(100_000),
            Reply::file(&new).header("Last-Modified", date).header("etag", "\"new\"").etag("\"old\""),
            Reply::file(&new).etag("\"new\""),
        ],
    );
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("the file has changed on the server"), "{}", said.err);
    assert!(scene.arrived() == new);
}

#[test]
fn a_part_without_a_version_and_without_a_checksum_is_not_gone_on_with() {
    let body = noise();
    let scene = Scene::new("unsummed = \"nobody says\"");
    scene.server.at("/x.bin", [Reply::file(&body).breaking_after(100_000), Reply::file(&body)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(scene.server.starts(), [0, 0]);
    assert!(scene.arrived() == body);
}

#[test]
fn a_wrong_byte_is_seen_and_fetched_again_once() {
    let body = noise();
    let mut wrong = body.clone();
    wrong[2_000_000] ^= 1;
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&wrong), Reply::file(&body)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let sentence =
        format!("x.bin: its SHA-256 is {}, {} is expected; starting over", sha256(&wrong), sha256(&body));
    assert!(said.err.contains(&sentence), "{}", said.err);
    assert!(scene.arrived() == body);

    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&wrong)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let error = format!("error: {}/x.bin sent the wrong bytes twice: its SHA-256 is", scene.server.url);
    assert!(said.err.contains(&error), "{}", said.err);
    assert_eq!(scene.server.asked().len(), 2);
    assert_eq!(scene.names(), Vec::<String>::new(), "nothing spoilt is kept");
}

/// A wrong byte in the part that is gone on with: the whole is summed, not the rest.
#[test]
fn a_part_that_rotted_is_seen() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    let file = Reply::file(&body).etag("\"1\"");
    scene.server.at("/x.bin", [file.clone().breaking_after(70_000), Reply::status(500)]);
    assert_eq!(scene.fetch(&["x", "--retries", "0"]).code, 74);
    let part = scene.path("x/x.bin.part");
    let mut bytes = fs::read(&part).expect("a part");
    bytes[5] ^= 1;
    fs::write(&part, bytes).expect("a part");
    scene.server.at("/x.bin", [file]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(scene.server.starts(), [0, 70_000, 0]);
    assert!(scene.arrived() == body);
}

#[test]
fn lies_about_the_length_are_seen_both_ways() {
    let body = noise();
    // Too long, and then nothing comes: all that is expected did.
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&body).announcing(body.len() + 10)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(scene.arrived() == body);
    // Too short: the file there is another one.
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&body).announcing(body.len() - 10)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("it is 3145718 bytes long there, 3145728 are expected"), "{}", said.err);
    assert_eq!(scene.names(), Vec::<String>::new());
    // Really longer.
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&[body.clone(), vec![7; 500]].concat())]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("more than the expected 3145728 bytes are sent"), "{}", said.err);
    assert_eq!(scene.names(), Vec::<String>::new());
    // No length at all.
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::file(&body).endless()]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(scene.arrived() == body);
}

/// Neither length nor sum is published, and the connection breaks: an announced length that is not reached is never whole.
#[test]
fn without_a_published_length_the_announced_one_counts() {
    let body = noise();
    let scene = Scene::new("unsummed = \"nobody says\"");
    scene.server.at("/x.bin", [Reply::file(&body).announcing(body.len() + 10)]);
    let said = scene.fetch(&["x", "--retries", "2"]);
    assert_eq!(said.code, 74, "{}", said.err);
    assert!(said.err.contains("after 3145728 of 3145738 bytes"), "{}", said.err);
    assert!(!scene.path("x/x.bin").exists());
}

#[test]
fn redirects_are_followed_and_endless_ones_are_not() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::redirect("/there/x?sign=1")]);
    scene.server.at("/there/x?sign=1", [Reply::file(&body)]);
    assert_eq!(scene.fetch(&["x"]).code, 0);
    assert!(scene.arrived() == body);
    let scene = Scene::new(&facts(&body));
    scene.server.at("/x.bin", [Reply::redirect("/x.bin")]);
    let said = scene.fetch(&["x", "--retries", "0"]);
    assert_eq!(said.code, 74);
    assert!(said.err.contains("it redirects more than 10 times"), "{}", said.err);
}

#[test]
fn refusals_end_at_once_with_what_can_be_done() {
    let scene = Scene::new(&facts(b"x"));
    scene.server.at("/x.bin", [Reply::status(403)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains(&format!("error: {}/x.bin answers 403\n", scene.server.url)), "{}", said.err);
    assert!(said.err.contains("download it by hand into the folder and run this again"), "{}", said.err);
    scene.server.at("/x.bin", [Reply::status(404)]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("the file may have moved: try `--mirror`"), "{}", said.err);
    assert_eq!(scene.server.asked().len(), 2, "a refusal is not asked again");
}

#[test]
fn the_next_address_is_tried_and_goes_on_with_what_is_here() {
    let body = noise();
    let scene = Scene::new("");
    let urls = "urls = [\"https://example.org/a/x.bin\", \"https://example.org/b/x.bin\"]";
    let file = format!("\n[[corpus.file]]\nname = \"x.bin\"\n{urls}\n{}\n", facts(&body));
    scene.catalogue(&scene.corpus("x", &file));
    scene
        .server
        .at("/a/x.bin", [Reply::file(&body).etag("\"a\"").breaking_after(90_000), Reply::status(404)]);
    scene.server.at("/b/x.bin", [Reply::file(&body).etag("\"b\"")]);
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let sentence = format!("/a/x.bin answers 404; trying {}/b/x.bin", scene.server.url);
    assert!(said.err.contains(&sentence), "{}", said.err);
    assert!(scene.arrived() == body);
}

#[test]
fn no_network_is_said_as_such() {
    let scene = Scene::new(&facts(b"x"));
    // A port that nobody listens on: the last of one that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let mirror = format!("http://127.0.0.1:{port}");
    let catalogue = scene.path("catalogue.toml");
    let arguments =
        ["data", "fetch", "x", "--retries", "1", "--retry-wait", "0", "--mirror", &mirror, "--catalogue"];
    let output = command(&arguments).arg(&catalogue).env("NO_PROXY", "*").output().expect("it starts");
    let said = self::said(output);
    assert_eq!(said.code, 74, "{}", said.err);
    assert!(
        said.err.contains(&format!("error: cannot fetch {mirror}/x.bin: 127.0.0.1:{port}: it ")),
        "{}",
        said.err
    );
    assert!(said.err.contains("behind a proxy set HTTPS_PROXY, or use `--mirror`"), "{}", said.err);
}

#[test]
fn a_proxy_of_the_environment_is_used_and_named() {
    let scene = Scene::new(&facts(b"x"));
    let catalogue = scene.path("catalogue.toml");
    let mut command = command(&["data", "fetch", "x", "--retries", "0", "--catalogue"]);
    command.arg(&catalogue).env("HTTPS_PROXY", &scene.server.url).env_remove("NO_PROXY");
    for other in ["ALL_PROXY", "all_proxy", "https_proxy", "no_proxy"] {
        command.env_remove(other);
    }
    let said = said(command.output().expect("it starts"));
    assert_eq!(said.code, 74, "{}", said.err);
    assert_eq!(scene.server.asked()[0].path, "example.org:443");
    let proxy = scene.server.url.trim_start_matches("http://");
    assert!(said.err.contains(&format!(" (by way of the proxy {proxy}) (1 try)")), "{}", said.err);
}

#[test]
fn a_disk_too_small_is_seen_before() {
    let scene = Scene::new(&format!("bytes = {}\nsha256 = \"{}\"", 1_u64 << 60, sha256(b"x")));
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 74, "{}", said.err);
    assert!(said.err.contains("are needed for all of it"), "{}", said.err);
    assert!(said.err.contains("free some, or give another folder with `--to`"), "{}", said.err);
    assert_eq!(scene.server.asked().len(), 0);
}

#[test]
fn a_file_put_there_by_hand_is_verified_and_another_one_is_left_alone() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    fs::create_dir_all(scene.path("x")).expect("a folder");
    fs::write(scene.path("x/x.bin"), &body).expect("a file");
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(scene.server.asked().len(), 0);
    fs::remove_dir_all(scene.path("x/.fetch")).expect("records");
    fs::write(scene.path("x/x.bin"), &body[1..]).expect("a file");
    let said = scene.fetch(&["x"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("is not the publisher's file: it has 3145727 bytes, 3145728 are expected"),
        "{}",
        said.err
    );
    assert_eq!(fs::read(scene.path("x/x.bin")).expect("the file").len(), body.len() - 1);
}

#[test]
fn ctrl_c_keeps_the_part() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    let file = Reply::file(&body).etag("\"1\"");
    scene.server.at("/x.bin", [file.clone().breaking_after(200_000).hanging(), file]);
    let mut child = scene.command(&["x"]).stderr(Stdio::piped()).spawn().expect("it starts");
    let part = scene.path("x/x.bin.part");
    let begun = Instant::now();
    while fs::metadata(&part).map_or(0, |facts| facts.len()) < 200_000 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no part appears");
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("a signal");
    let status = child.wait().expect("it ends");
    let mut err = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("talk"), &mut err).expect("text");
    assert_eq!(status.code(), Some(130), "{err}");
    assert!(
        err.contains("interrupted; what arrived is kept, and the same command goes on from there"),
        "{err}"
    );
    assert_eq!(scene.names(), ["x.bin.part", "x.bin.part.json"]);
    assert_eq!(scene.fetch(&["x"]).code, 0);
    assert_eq!(scene.server.starts(), [0, 200_000]);
    assert!(scene.arrived() == body);
}

#[test]
fn two_at_once_do_not_mix() {
    let body = noise();
    let scene = Scene::new(&facts(&body));
    let file = Reply::file(&body).etag("\"1\"");
    scene.server.at("/x.bin", [file.clone().breaking_after(200_000).hanging(), file]);
    let mut child = scene.command(&["x"]).stderr(Stdio::null()).spawn().expect("it starts");
    let begun = Instant::now();
    while !scene.path("x/x.bin.part").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no part appears");
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = scene.fetch(&["x"]);
    child.kill().expect("it ends");
    child.wait().expect("it ends");
    assert_eq!(said.code, 73, "{}", said.err);
    assert!(said.err.contains("another fetch is at work in"), "{}", said.err);
    // Killed without warning: the next one goes on all the same.
    assert_eq!(scene.fetch(&["x"]).code, 0);
    assert!(scene.arrived() == body);
}

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
        said.err.contains("`x` has no subset `nothing`\nhint: its subsets are dev, test"),
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

#[test]
fn a_model_goes_to_the_cache_and_is_found_there() {
    let scene = Scene::new("");
    let model = "[[model]]\nname = \"tiny\"\nabout = \"a test\"\nlicence = \"MIT\"\npage = \"https://example.org\"\nhub = \"me/tiny\"\n\
                 \n[[model.file]]\nname = \"config.json\"\n\n[[model.file]]\nname = \"vocab.json\"\noptional = true\n\
                 \n[[model.file]]\nname = \"sub/model.safetensors\"\n";
    scene.catalogue(model);
    let (config, weights) = (b"{}".as_slice(), noise());
    let commit = "0123456789abcdef0123456789abcdef01234567";
    // The sums that git gives `{}`, and the hub large files.
    let blob = "9e26dfeeb6e641a33dae4961196235bdb965b21b";
    let of = |file: &str, revision: &str| format!("/me/tiny/resolve/{revision}/{file}");
    let small = Reply::file(config).header("X-Repo-Commit", commit).etag(&format!("\"{blob}\""));
    scene.server.at(&of("config.json", "main"), [small]);
    let large = Reply::redirect("/cdn/weights")
        .header("X-Repo-Commit", commit)
        .header("X-Linked-Etag", &format!("\"{}\"", sha256(&weights)));
    scene.server.at(&of("sub/model.safetensors", commit), [large]);
    scene.server.at("/cdn/weights", [Reply::file(&weights).etag("\"cdn\"")]);
    let said = scene.fetch(&["--model", "me/tiny"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("config.json: 2 B, verified by the git SHA-1 that the server states"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("vocab.json: the publisher has none, and it can be done without"),
        "{}",
        said.err
    );
    let repository = scene.path("hf/hub/models--me--tiny");
    assert_eq!(fs::read_to_string(repository.join("refs/main")).expect("a ref"), commit);
    let snapshot = repository.join("snapshots").join(commit);
    assert_eq!(fs::read(snapshot.join("config.json")).expect("config"), config);
    assert!(fs::read(snapshot.join("sub/model.safetensors")).expect("weights") == weights);
    assert_eq!(
        fs::read_link(snapshot.join("sub/model.safetensors")).expect("a link"),
        PathBuf::from(format!("../../../blobs/{}", sha256(&weights)))
    );
    let asked = scene.server.asked().len();
    let said = scene.fetch(&["--model", "tiny"]);
    assert_eq!((said.code, scene.server.asked().len()), (0, asked));
    assert!(said.err.contains("tiny is already there"), "{}", said.err);
    assert_eq!(scene.fetch(&["--model", "tiny", "--verify"]).code, 0);
    fs::write(repository.join("blobs").join(blob), b"[]").expect("a blob");
    let said = scene.fetch(&["--model", "tiny", "--verify"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("`config.json` has changed"), "{}", said.err);
    // Into a plain folder.
    let to = scene.path("plain").display().to_string();
    scene.server.at(&of("sub/model.safetensors", "main"), [Reply::redirect("/cdn/weights")]);
    let said = scene.fetch(&["--model", "tiny", "--to", &to]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(fs::read(scene.path("plain/sub/model.safetensors")).expect("weights") == weights);
}

/// A model that was fetched is the one an experiment names.
#[test]
fn a_fetched_model_is_found_by_its_hub_name() {
    let scene = Scene::new("");
    scene.catalogue(
        "[[model]]\nname = \"tiny\"\nabout = \"a test\"\nlicence = \"MIT\"\npage = \"https://example.org\"\nhub = \"me/tiny\"\n\
         revision = \"0123456789abcdef0123456789abcdef01234567\"\n\
         \n[[model.file]]\nname = \"config.json\"\n\n[[model.file]]\nname = \"model.safetensors\"\n",
    );
    for file in ["config.json", "model.safetensors"] {
        let body = fs::read(root().join("tests/parity/wav2vec2_base").join(file)).expect("a parity model");
        let path = format!("/me/tiny/resolve/0123456789abcdef0123456789abcdef01234567/{file}");
        scene.server.at(&path, [Reply::file(&body)]);
    }
    let forward = || {
        let mut command = command(&["forward", "tests/parity/wav2vec2_base.toml", "--input"]);
        command
            .args(["tests/parity/wav2vec2_base/golden.safetensors", "--dump"])
            .arg(scene.path("out.safetensors"));
        command.args(["-s", "model.wav2vec2.pretrained=\"me/tiny\""]);
        command.env("HF_HOME", scene.path("hf")).env_remove("HF_HUB_CACHE");
        said(command.output().expect("it starts"))
    };
    let before = forward();
    assert_eq!(before.code, 66, "{}", before.err);
    assert_eq!(scene.fetch(&["--model", "tiny"]).code, 0);
    let after = forward();
    assert_eq!(after.code, 0, "{}", after.err);
}

#[test]
fn a_missing_model_of_the_catalogue_comes_with_its_command() {
    let dir = TempDir::new().expect("a folder");
    let mut command = command(&["forward", "experiments/tedlium_direct.toml", "--input", "x.wav", "--dump"]);
    command.arg(dir.path().join("out.safetensors"));
    command.args(["-s", "model.wav2vec2.pretrained=\"facebook/wav2vec2-base\""]);
    let said =
        said(command.env("HF_HOME", dir.path()).env_remove("HF_HUB_CACHE").output().expect("it starts"));
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("hint: fetch it: runner data fetch --model wav2vec2-base\n"), "{}", said.err);
}

#[test]
fn what_no_program_may_fetch_says_where_to_ask() {
    let said = super::support::runner(&["data", "fetch", "voxceleb1"]);
    assert_eq!(said.code, 66);
    assert!(said.err.starts_with("error: `voxceleb1` cannot be fetched by a program: ask for access at https://www.robots.ox.ac.uk/"), "{}", said.err);
    assert!(said.err.contains("hint: put it into `data/raw/voxceleb1`"), "{}", said.err);
}

#[test]
fn names_are_checked() {
    let said = super::support::runner(&["data", "fetch", "librispech"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (2, "error: there is no corpus `librispech` in the catalogue\nhint: did you mean `librispeech`?\n")
    );
    let said = super::support::runner(&["data", "fetch", "wav2vec2-base"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (2, "error: `wav2vec2-base` is a model\nhint: runner data fetch --model wav2vec2-base\n")
    );
    let said = super::support::runner(&["data", "fetch", "esc-50", "--mirror", "there"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`there` is no address of a mirror"), "{}", said.err);
    let said = super::support::runner(&["data", "fetch", "esc-50", "--catalogue", "Cargo.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`Cargo.toml` is no catalogue: "), "{}", said.err);
    let said = super::support::runner(&["data", "fetch", "--verify"]);
    assert_eq!((said.code, said.err.lines().next()), (2, Some("error: what to fetch is not said")));
}

#[test]
fn the_list_says_what_there_is() {
    let said = super::support::runner(&["data", "fetch", "--json"]);
    assert_eq!(said.code, 0);
    let list: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    let entries = list.as_array().expect("a list");
    let named = |name: &str| entries.iter().find(|entry| entry["name"] == name).expect(name).clone();
    assert_eq!(named("ljspeech")["bytes"], 2_748_572_632_u64);
    assert_eq!(named("tedlium3")["roughly"], true);
    assert_eq!(named("voxceleb1")["kind"], "corpus");
    assert_eq!(named("wav2vec2-large-lv60")["hub"], "facebook/wav2vec2-large-lv60");
    let text = super::support::runner(&["data", "fetch"]).out;
    for entry in entries {
        let name = entry["name"].as_str().expect("a name");
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
    }
}
