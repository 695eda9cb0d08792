//! `runner data prepare`: what is said, what is written, and what a killed preparation leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::support::{Said, command, root, runner, runs_in, said};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn prepare(corpus: &str, to: &Path, more: &[&str]) -> Said {
    let from = format!("tests/fixtures/{corpus}");
    runner(&[&["data", "prepare", corpus, "--from", &from, "--to", text(to)], more].concat())
}

/// Every file below `dir` with its bytes, in order.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((
                    path.strip_prefix(dir).expect("below").to_owned(),
                    fs::read(&path).expect("bytes"),
                ));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn tedlium_to_the_letter() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("tedlium");
    let said = prepare("tedlium", &out, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        read(&out, "meta.dev.txt"),
        "PeterBrown_2009_00000000|15520|three six one\nPeterBrown_2009_00000001|16640|nine two four\n"
    );
    let raw = read(&out, "meta.train.raw.txt");
    assert_eq!(
        raw.lines().take(4).collect::<Vec<_>>(),
        [
            "AnnaSmith_2010_00000001|14880|three two three",
            "AnnaSmith_2010_00000002|16160|it cost $1,000 & 5% on the 3rd of may two three three",
            "AnnaSmith_2010_00000004|17440|<unk> one two four [laughter] café",
            "AnnaSmith_2010_00000005|19107|one two four and on",
        ]
    );
    let read_aloud = read(&out, "meta.train.txt");
    assert_eq!(
        read_aloud.lines().skip(1).take(2).collect::<Vec<_>>(),
        [
            "AnnaSmith_2010_00000002|16160|it cost one thousand dollars and five percent on the third of may two three three",
            "AnnaSmith_2010_00000004|17440|[UNK] one two four laughter cafe",
        ]
    );
    // The same utterances, whatever became of their texts.
    let names = |list: &str| -> Vec<String> {
        list.lines().map(|line| line.rsplit_once('|').expect("fields").0.to_owned()).collect()
    };
    assert_eq!(names(&raw), names(&read(&out, "meta.train.txt")));
    assert_eq!(
        read(&out, "bad_files.tsv"),
        "file\tline\treason\toutcome\n\
         train/sph/MariaCut_2011.sph\t\tit is truncated: its header promises 160000 samples, the file holds 21427; \
         copy or make the file again\tskipped 1 utterance\n\
         train/stm/AnnaSmith_2010.stm\t6\tit ends at 4.53 s, the recording at 3.53 s\tcut\n\
         train/stm/AnnaSmith_2010.stm\t7\tit starts at 4.53 s, the recording ends at 3.53 s\tskipped 1 utterance\n\
         train/stm/AnnaSmith_2010.stm\t8\tits channel is `2`, not `1`\tskipped 1 utterance\n"
    );
    let vocabulary: Value = serde_json::from_str(&read(&out, "vocab.json")).expect("JSON");
    let bundled = fs::read_to_string(root().join("corpora/smoke/vocab.json")).expect("the bundled one");
    assert_eq!(vocabulary, serde_json::from_str::<Value>(&bundled).expect("JSON"));
    assert!(said.out.starts_with("train: 8 utterances, "), "{}", said.out);
    for words in [
        "skipped: 3 bad files or lines with 3 utterances, listed in `",
        "1 utterance: cut at the end of the recording",
        "`asr_vocab_size` to 32 or more",
    ] {
        assert!(said.err.contains(words), "no `{words}` in\n{}", said.err);
    }
}

#[test]
fn slurp_to_the_letter() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("slurp");
    let said = prepare("slurp", &out, &["--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        read(&out, "meta.test.txt"),
        "en_0000000012|18864|call david tomorrow|phone,call|en\n\
         en_0000000013|24369|close the garden window|home,close|en\n"
    );
    let synthetic = read(&out, "meta.train.syn.txt");
    assert_eq!(
        synthetic.lines().collect::<Vec<_>>()[5..],
        [
            "en_0000000005|18390|close the hall door|home,close|en",
            "en_0000000007|18199|open the office door|home,open|en",
            "en_0000000008|21849|open the office door|home,open|en",
            "en_0000000014|20808|call maria tomorrow|phone,call|en",
            "en_0000000015|19799|call david tomorrow|phone,call|en",
        ]
    );
    assert!(
        out.join("en/en_0000000005.flac").is_file() && out.join("en/0000000/en_0000000014.flac").is_file()
    );
    let bad = read(&out, "bad_files.tsv");
    assert!(bad.contains("audio/slurp_real/audio-1490999999.flac\t\tthere is no such file"), "{bad}");
    let told: Value = serde_json::from_str(&said.out).expect("JSON on standard output");
    assert_eq!((&told["already"], &told["classes"]), (&false.into(), &serde_json::json!([2, 3])));
    assert_eq!((&told["skipped"], &told["skipped_utterances"]), (&3.into(), &3.into()));
    let train = &told["splits"][0];
    assert_eq!((&train["name"], &train["utterances"]), (&"train".into(), &8.into()));
    assert_eq!(
        train["labels"][1]["classes"],
        serde_json::json!([
            {"class": "call", "utterances": 4},
            {"class": "close", "utterances": 2},
            {"class": "open", "utterances": 2},
        ])
    );
}

#[test]
fn voxceleb1_to_the_letter() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("voxceleb1");
    let said = prepare("voxceleb1", &out, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        read(&out, "meta.dev.txt"),
        "id10001_a_b-C_d4E5f_00003|11356|123|id10001|und\nid10002_a_b-C_d4E5f_00003|11572|123|id10002|und\n"
    );
    let categories: Value = serde_json::from_str(&read(&out, "categories.json")).expect("JSON");
    assert_eq!(categories[0].as_object().map(|classes| classes.len()), Some(1251));
    assert_eq!(categories[0]["id11251"], 1250);
    assert!(
        said.out.contains("  speaker, 4 classes\n    id10001  ████████████████████████████ 2\n"),
        "{}",
        said.out
    );
}

#[test]
fn a_finished_folder_is_left_and_others_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    assert_eq!(prepare("voxceleb1", &out, &["-q"]).code, 0);
    let made = files(&out);
    let again = prepare("voxceleb1", &out, &[]);
    assert_eq!(
        (again.code, again.err.contains("was already prepared: 14 utterances")),
        (0, true),
        "{}",
        again.err
    );
    assert_eq!(files(&out), made);
    let other = prepare("voxceleb1", &out, &["--link"]);
    assert_eq!(other.code, 73, "{}", other.err);
    assert!(other.err.contains("holds another preparation, of voxceleb1 from"), "{}", other.err);
    assert!(other.err.contains("help: name another folder, or move this one away"), "{}", other.err);
    fs::write(folder.path().join("mine"), b"mine").expect("a file");
    assert_eq!(prepare("tedlium", folder.path(), &[]).code, 73);
}

#[test]
fn what_is_missing_is_said_with_the_place_to_get_it() {
    let folder = TempDir::new().expect("a folder");
    let (from, to) = (folder.path().join("none"), folder.path().join("to"));
    for (corpus, get) in [
        ("tedlium", "https://www.openslr.org/51/"),
        ("slurp", "https://zenodo.org/record/4274930"),
        ("voxceleb1", "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html"),
    ] {
        let said = runner(&["data", "prepare", corpus, "--from", text(&from), "--to", text(&to)]);
        assert_eq!((said.code, said.err.contains(get)), (66, true), "{}", said.err);
    }
    let said = runner(&["data", "prepare", "table", "--from", text(&from), "--to", text(&to)]);
    assert_eq!((said.code, said.err.contains("cannot read the table")), (66, true), "{}", said.err);
    let said = runner(&["data", "prepare", "tedlium", "--to", text(&to)]);
    assert_eq!((said.code, said.err.contains("--from <SOURCE>")), (2, true), "{}", said.err);
    let said = prepare("tedlium", &to, &["--threads", "0"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is written");
}

#[test]
fn a_table_is_prepared_like_the_rest() {
    let folder = TempDir::new().expect("a folder");
    let (table, out) = (folder.path().join("clips.csv"), folder.path().join("out"));
    fs::write(
        &table,
        "path,text,labels,split\nf01/f01_00000009.ogg,Two FOUR,a,train\nf02/f02_00000007,five,b,dev\n",
    )
    .expect("a table");
    let said = runner(&[
        "data",
        "prepare",
        "table",
        "--from",
        text(&table),
        "--audio",
        "corpora/smoke",
        "--to",
        text(&out),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(read(&out, "meta.train.nltLa.txt"), "f01_f01_00000009|30624|two four|a|und\n");
    assert!(out.join("f01_f01/f01_f01_00000009.flac").is_file());
}

/// A tree of VoxCeleb1 large enough to be interrupted: one recording under many names.
fn large(folder: &Path) -> PathBuf {
    const CLIPS: usize = 400;
    let source = folder.join("large");
    let clip = root().join("tests/fixtures/voxceleb1/wav/id10001/1zcIwhmdeo4/00001.wav");
    let mut splits = String::new();
    for at in 0..CLIPS {
        let path = format!("id10001/video{at:05}/00001.wav");
        let target = source.join("wav").join(&path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("a folder");
        std::os::unix::fs::symlink(&clip, target).expect("a link");
        splits += &format!("{} {path}\n", at % 3 + 1);
    }
    fs::write(source.join("iden_split.txt"), splits).expect("a list");
    source
}

/// Starts a preparation and waits until some more of it is done.
fn under_way(source: &Path, out: &Path) -> Child {
    let journal = out.with_extension("partial").join("journal.jsonl");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let before = lines();
    let arguments =
        ["data", "prepare", "voxceleb1", "--from", text(source), "--to", text(out), "--threads", "1"];
    let child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begun = Instant::now();
    while lines() < before + 5 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is done");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn a_killed_preparation_ends_as_an_undisturbed_one() {
    let folder = TempDir::new().expect("a folder");
    let source = large(folder.path());
    let (undisturbed, out) = (folder.path().join("undisturbed"), folder.path().join("out"));
    let whole =
        |out: &Path| runner(&["data", "prepare", "voxceleb1", "--from", text(&source), "--to", text(out)]);
    assert_eq!(whole(&undisturbed).code, 0);

    let mut child = under_way(&source, &out);
    child.kill().expect("a kill");
    child.wait().expect("it ended");
    assert!(!out.exists() && out.with_extension("partial").is_dir(), "killed before the end");

    let child = under_way(&source, &out);
    interrupt(&child);
    let stopped = said(child.wait_with_output().expect("it ended"));
    assert_eq!(stopped.code, 75, "{}", stopped.err);
    assert!(
        stopped.err.contains("of 400 files") && stopped.err.contains("the same command goes on from here")
    );
    assert!(!out.exists());

    let last = whole(&out);
    assert_eq!(last.code, 0, "{}", last.err);
    assert!(last.err.contains("of 400 files are done"), "{}", last.err);
    assert_eq!(files(&out), files(&undisturbed));
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -INT");
}

/// One experiment of each corpus on the prepared fixture, with its own lists and classes. All fifteen: `.ci/fixtures`.
#[test]
fn experiments_run_on_what_was_prepared() {
    let folder = TempDir::new().expect("a folder");
    for (corpus, family) in [("tedlium", "tedlium"), ("slurp", "slurp"), ("voxceleb1", "voxceleb")] {
        let out = folder.path().join(corpus);
        assert_eq!(prepare(corpus, &out, &["-q"]).code, 0);
        let experiment = folder.path().join(format!("{family}_direct.toml"));
        let shipped = root().join(format!("experiments/{family}_direct.toml"));
        let fixture = root().join(format!("tests/fixtures/{family}.toml"));
        fs::write(&experiment, format!("extends = [{shipped:?}, {fixture:?}]\n")).expect("an experiment");
        let data = format!("data.dir={out:?}");
        let request = [text(&experiment), "--profile", "ci", "-s", &data];
        let checked = runner(&[&["check", "--data"][..], &request].concat());
        assert_eq!(checked.code, 0, "{}", checked.err);
        assert!(
            checked.err.contains(" files there, ") && !checked.err.contains("left out"),
            "{}",
            checked.err
        );
        let runs = runs_in(folder.path());
        let short = ["--json", "-s", &runs, "-s", "train.max_steps=2", "-s", "eval.eval_interval=2"];
        let ran = runner(&[&["run"][..], &request, &short].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(report["state"], "finished", "{report}");
    }
}
