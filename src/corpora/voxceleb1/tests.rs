//! Classes and names as the reference has them; the tree as it may be unpacked.

use super::*;
use crate::corpora::prepare::quiet::{files, quietly, text};
use crate::corpora::{Categories, Corpus};

fn fixture() -> Voxceleb1 {
    Voxceleb1 { source: crate::checkout().join("tests/fixtures/voxceleb1"), splits: None, link: false }
}

#[test]
fn a_prepared_fixture_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    assert_eq!((summary.utterances(), summary.skipped, summary.classes.clone()), (14, 3, vec![1251]));
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    let class = |speaker: &str| categories.classes(&[speaker.to_owned()]);
    assert_eq!((class("id10001"), class("id11251")), (Some(vec![Some(0)]), Some(vec![Some(1250)])));
    for list in ["meta.train.txt", "meta.dev.txt", "meta.test.txt"] {
        let corpus = Corpus::open(&out, list, MetaFormat::NltLa).expect("a corpus");
        assert_eq!(corpus.check_labels(&categories).expect("labels"), 0);
        for utterance in corpus.utterances() {
            assert_eq!(utterance.text, "123");
            corpus.load(utterance, 16_000).expect("a sound of the listed length");
        }
    }
    // Wav becomes flac without loss, also where the video's name has an underscore.
    let source = crate::audio::read(&fixture().source.join("wav/id10001/a_b-C_d4E5f/00003.wav"), 16_000);
    let corpus = Corpus::open(&out, "meta.dev.txt", MetaFormat::NltLa).expect("a corpus");
    assert_eq!(corpus.load(&corpus.utterances()[0], 16_000).expect("a sound"), source.expect("a sound"));
}

#[test]
fn the_two_portions_may_lie_as_they_are_unpacked_and_be_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let source = at("source");
    for portion in ["dev", "test"] {
        fs::create_dir_all(source.join(portion).join("wav")).expect("a folder");
    }
    for (speaker, portion) in
        [("id10001", "dev"), ("id10002", "test"), ("id10003", "dev"), ("id11251", "test")]
    {
        let from = fixture().source.join("wav").join(speaker);
        std::os::unix::fs::symlink(from, source.join(portion).join("wav").join(speaker)).expect("a link");
    }
    let splits = Some(fixture().source.join("iden_split.txt"));
    quietly(&Voxceleb1 { source: source.clone(), splits, link: true }, &at("parted")).expect("prepared");
    quietly(&Voxceleb1 { link: true, ..fixture() }, &at("merged")).expect("prepared");
    let sounds = |dir: PathBuf| {
        let mut all = files(&dir);
        all.retain(|(name, _)| name.ends_with(".wav") || name.starts_with("meta."));
        all
    };
    assert_eq!(sounds(at("parted")), sounds(at("merged")));
    assert_eq!(sounds(at("merged")).len(), 14 + 3);
    assert!(text(&at("parted"), "bad_files.tsv").contains("no speaker of VoxCeleb1"));
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    for (line, why) in [
        ("id10001/v/1.wav", "`id10001/v/1.wav` is not a split number and a path"),
        ("4 id10001/v/1.wav", "`4` is not a split; 1, 2 and 3 are"),
        ("1 id10001/1.wav", "`id10001/1.wav` is not SPEAKER/VIDEO/CLIP.wav"),
        ("1 id10001/v/1.txt", "`id10001/v/1.txt` is not SPEAKER/VIDEO/CLIP.wav"),
        ("1 id10001/../1.wav", "`id10001/../1.wav` is not SPEAKER/VIDEO/CLIP.wav"),
        ("1 id10000/v/1.wav", "`id10000` is no speaker of VoxCeleb1, id10001 to id11251"),
        ("1 id11252/v/1.wav", "`id11252` is no speaker of VoxCeleb1, id10001 to id11251"),
        ("1 me/v/1.wav", "`me` is no speaker of VoxCeleb1, id10001 to id11251"),
    ] {
        assert_eq!(Entry::parse(line.as_bytes()).err().as_deref(), Some(why));
    }
    assert_eq!(Entry::parse(b"1 \xff").err().as_deref(), Some("it is not UTF-8"));
}

#[test]
fn missing_parts_and_m4a_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    let request = Voxceleb1 { source: source.clone(), ..fixture() };
    let refusal = || {
        let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
        (error.to_string().replace(&source.display().to_string(), "SOURCE"), error.help())
    };
    let (said, help) = refusal();
    assert_eq!(said, "there is no VoxCeleb1 at `SOURCE`: no folder `wav` in it");
    assert!(help.is_some_and(|help| help.contains("robots.ox.ac.uk")));
    fs::create_dir_all(source.join("wav/id10001/v")).expect("a folder");
    assert_eq!(
        refusal().0,
        "there is no VoxCeleb1 at `SOURCE`: no list of splits, `SOURCE/veri_test_class.txt` or `SOURCE/iden_split.txt`"
    );
    fs::write(source.join("veri_test_class.txt"), "1 id10001/v/00001.wav\n").expect("a list");
    assert_eq!(
        refusal().0,
        "nothing in `SOURCE` can be used; the first of 1 reasons: `veri_test_class.txt:1`: \
         there is no `id10001/v/00001.wav`"
    );
    fs::write(source.join("wav/id10001/v/00001.m4a"), "m4a").expect("a file");
    let (said, help) = refusal();
    assert_eq!(said, "cannot use `SOURCE`: its recordings are `.m4a`, which is not read here");
    assert!(help.is_some_and(|help| help.contains("ffmpeg -i CLIP.m4a")));
}
