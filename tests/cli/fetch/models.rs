//! Models, in the layout of Hugging Face's cache.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Scene, noise, sha256};
use crate::server::Reply;
use crate::support::{command, root, said};

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

/// A commit names a folder: what a server calls one may not lead elsewhere.
#[test]
fn a_commit_that_is_none_is_refused_and_nothing_is_written_by_its_name() {
    for said_commit in
        ["../../../../outside", "/outside", "main", "0123456789abcdef0123456789abcdef0123456", ""]
    {
        let scene = Scene::new("");
        scene.catalogue(
            "[[model]]\nname = \"tiny\"\nabout = \"a test\"\nlicence = \"MIT\"\npage = \"https://example.org\"\nhub = \"me/tiny\"\n\
             \n[[model.file]]\nname = \"config.json\"\n",
        );
        let reply = Reply::file(b"{}").header("X-Repo-Commit", said_commit);
        scene.server.at("/me/tiny/resolve/main/config.json", [reply]);
        let said = scene.fetch(&["--model", "tiny"]);
        assert_eq!(said.code, 1, "{said_commit}: {}", said.err);
        assert!(said.err.contains("does not say which commit"), "{said_commit}: {}", said.err);
        assert!(said.err.contains("help: give a folder with `--to`"), "{said_commit}: {}", said.err);
        let repository = scene.path("hf/hub/models--me--tiny");
        assert!(!repository.join("snapshots").exists() && !repository.join("refs").exists(), "{said_commit}");
        let outside = fs::read_dir(scene.path("")).expect("a folder").flatten();
        let mut names: Vec<_> = outside.map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["catalogue.toml", "hf"], "{said_commit}");
    }
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
    assert!(said.err.contains("help: fetch it: `runner data fetch --model wav2vec2-base`\n"), "{}", said.err);
}
