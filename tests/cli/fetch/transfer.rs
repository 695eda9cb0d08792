//! One file, from a server that breaks off, lies about lengths, changes files and sends wrong bytes.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Scene, facts, noise, sha256};
use crate::server::Reply;
use crate::support::{command, said};

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
    let said = said(output);
    assert_eq!(said.code, 74, "{}", said.err);
    assert!(
        said.err.contains(&format!("error: cannot fetch {mirror}/x.bin: 127.0.0.1:{port}: it ")),
        "{}",
        said.err
    );
    assert!(said.err.contains("behind a proxy set `HTTPS_PROXY`, or use `--mirror`"), "{}", said.err);
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
