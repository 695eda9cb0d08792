//! The order of files and the shares are those of the authors' code; what was made reads back.

use super::*;
use crate::corpora::Corpus;
use crate::corpora::prepare::quiet::{files, quietly, text};

fn fixture() -> Music {
    Music { source: crate::checkout().join("tests/fixtures/music"), link: false }
}

#[test]
fn a_prepared_fixture_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    assert_eq!((summary.utterances(), summary.skipped, summary.vocab_size), (20, 2, 0));
    let counts: Vec<usize> = summary.splits.iter().map(|split| split.utterances).collect();
    // The cut recording is the last of 21 and would be in the test.
    assert_eq!(counts, [18, 1, 1]);
    for list in ["meta.train.txt", "meta.dev.txt", "meta.test.txt"] {
        let corpus = Corpus::open(&out, list, MetaFormat::Nlt).expect("a corpus");
        for utterance in corpus.utterances() {
            assert_eq!((utterance.text.as_str(), utterance.samples), ("", 4_000));
            corpus.load(utterance, 16_000).expect("a sound of the listed length");
        }
    }
    let train = text(&out, "meta.train.txt");
    let first: Vec<&str> = train.lines().take(2).collect();
    assert_eq!(first, ["op-2-no-1_op-2-no-1---minute-1|4000|", "op-2-no-1_op-2-no-1---minute-2|4000|"]);
}

#[test]
fn shares_are_those_of_the_authors_code() {
    // `int(0.88 * n)` and `int(0.94 * n)` in Python.
    for (files, ends) in [
        (9, [7, 8]),
        (20, [17, 18]),
        (21, [18, 19]),
        (100, [88, 94]),
        (241, [212, 226]),
        (4_328, [3_808, 4_068]),
    ] {
        let of = |wanted: usize| (0..files).filter(|&at| part(at, files) == wanted).count();
        assert_eq!([of(0), of(0) + of(1)], ends, "{files}");
        assert!((1..files).all(|at| part(at - 1, files) <= part(at, files)));
    }
    for files in FEWEST_FILES..2_000 {
        assert!((0..3).all(|wanted| (0..files).any(|at| part(at, files) == wanted)), "{files}");
    }
    assert!(
        (0..FEWEST_FILES - 1).all(|at| part(at, FEWEST_FILES - 1) != 1),
        "one file fewer leaves none for development"
    );
}

#[test]
fn what_is_no_recording_is_left_alone_and_what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    quietly(&fixture(), &out).expect("prepared");
    let bad = text(&out, "bad_files.tsv");
    assert!(
        bad.contains("op 13/op 13 - minute 101.mp3\t\t`.mp3` is not read here; turn it into wav"),
        "{bad}"
    );
    assert!(bad.contains("op 13/op 13 - minute 100.wav\t\tit is truncated"), "{bad}");
    assert!(!bad.contains("README"), "{bad}");
}

#[test]
fn links_lead_to_the_recordings() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&Music { link: true, ..fixture() }, &out).expect("prepared");
    assert_eq!(summary.linked_files, 20);
    let linked = files(&out).into_iter().find(|(name, _)| name.ends_with("minute-1.wav")).expect("a link");
    assert!(String::from_utf8_lossy(&linked.1).ends_with("op 2 no 1/op 2 no 1 - minute 1.wav"));
}

#[test]
fn too_few_and_none_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = Music { source: folder.path().join("source"), link: false };
    let refusal = || {
        let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
        (error.to_string().replace(&request.source.display().to_string(), "SOURCE"), error.help())
    };
    assert_eq!(refusal().0, "there is no music at `SOURCE`: it is no folder");
    fs::create_dir(&request.source).expect("a folder");
    assert_eq!(refusal().0, "there is no music at `SOURCE`: no recordings in it (.wav, .flac, .ogg, .sph)");
    // A hidden file is none.
    for file in [".a.wav", "1.wav", "2.wav"] {
        fs::write(request.source.join(file), b"").expect("a file");
    }
    let (said, help) = refusal();
    assert_eq!(
        said,
        "cannot use `SOURCE`: 2 recordings cannot be parted by file into 88, 6 and 6 of a hundred; 9 or more can"
    );
    assert!(help.is_some_and(|help| help.contains("-segment_time 60")));
}
