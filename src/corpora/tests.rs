//! The prepared format: what is read, where audio is found, and the sentence for everything that is wrong.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::lookup::{Place, places};
use super::*;
use crate::audio;

fn corpus_with(meta: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("meta.txt"), meta).unwrap();
    dir
}

fn open(dir: &tempfile::TempDir, format: MetaFormat) -> Result<Corpus, CorpusError> {
    Corpus::open(dir.path(), "meta.txt", format)
}

/// The error of a meta file, with its folder left out.
fn refusal(meta: &[u8], format: MetaFormat) -> String {
    let dir = corpus_with(meta);
    let prefix = format!("{}/", dir.path().display());
    open(&dir, format).unwrap_err().to_string().replace(&prefix, "")
}

fn put_wav(path: &Path, samples: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let sound: Vec<f32> = (0..samples).map(|i| (i % 100) as f32 / 200.0).collect();
    audio::write_wav(path, &sound, 16_000).unwrap();
}

#[test]
fn lines_of_both_formats_are_read() {
    let dir =
        corpus_with("talk_00000000|32000|hello world\r\n\n  talk_00000001|160| ça va \nt_2|7|\n".as_bytes());
    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    let found: Vec<(&str, usize, &str, usize)> =
        corpus.utterances().iter().map(|u| (u.name.as_str(), u.samples, u.text.as_str(), u.line)).collect();
    assert_eq!(
        found,
        [("talk_00000000", 32000, "hello world", 1), ("talk_00000001", 160, " ça va", 3), ("t_2", 7, "", 4)]
    );
    assert!(corpus.utterances().iter().all(|u| u.labels.is_empty()));

    let dir = corpus_with(b"\xef\xbb\xbfen_1|5|wake me up|alarm,set|en\n");
    let corpus = open(&dir, MetaFormat::NltLa).unwrap();
    assert_eq!(corpus.utterances()[0].name, "en_1");
    assert_eq!(corpus.utterances()[0].labels, ["alarm", "set"]);
}

#[test]
fn tabs_part_fields_where_bars_do_not_fit() {
    let dir = corpus_with(b"a_1\t16\teither | or\nb_1|17|plain\nc_1\t18\tone|two|three\tx\ten\n");
    assert!(open(&dir, MetaFormat::Nlt).is_err());
    let dir = corpus_with(b"a_1\t16\teither | or\nb_1|17|plain\n");
    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    assert_eq!(corpus.utterances()[0].text, "either | or");
    assert_eq!(corpus.utterances()[1].text, "plain");
}

#[test]
fn every_wrong_line_is_named() {
    let meta =
        b"a_1|16|fine\n|5|no name\nb_1|ten|x\nb_2|0|x\nb_3|-4|x\njust words\nc\xff_1|7|x\nd_1|9|t|l|en\n";
    assert_eq!(
        refusal(meta, MetaFormat::Nlt),
        "`meta.txt:2`: the name is empty\n\
         `meta.txt:3`: `ten` is not a length in samples (a whole number above 0)\n\
         `meta.txt:4`: `0` is not a length in samples (a whole number above 0)\n\
         `meta.txt:5`: `-4` is not a length in samples (a whole number above 0)\n\
         `meta.txt:6`: wanted 3 fields (name|length|text), found 1 parted by `|` and 1 by tabs\n\
         `meta.txt:7`: byte 2 is not UTF-8\n\
         `meta.txt:8`: wanted 3 fields (name|length|text), found 5 parted by `|` and 1 by tabs"
    );
    let many = refusal("wrong\n".repeat(25).as_bytes(), MetaFormat::Nlt);
    assert_eq!(many.lines().count(), 11);
    assert!(many.ends_with("wrong lines besides these: 15"));
}

#[test]
fn the_other_format_is_suggested() {
    let dir = corpus_with(b"d_1|9|t|l|en\n");
    let help = open(&dir, MetaFormat::Nlt).unwrap_err().help().unwrap();
    assert!(help.contains("`data.data_format = \"nltLa\"`"), "{help}");
    let dir = corpus_with(b"d_1|9|t\n");
    let help = open(&dir, MetaFormat::NltLa).unwrap_err().help().unwrap();
    assert!(help.contains("`data.data_format = \"nlt\"`"), "{help}");
    assert_eq!("nlt".parse(), Ok(MetaFormat::Nlt));
    assert_eq!("nltLa".parse(), Ok(MetaFormat::NltLa));
    assert!("NLT".parse::<MetaFormat>().is_err());
}

#[test]
fn what_is_missing_is_told_from_what_is_wrong() {
    let error = Corpus::open(Path::new("no/corpus"), "meta.txt", MetaFormat::Nlt).unwrap_err();
    assert_eq!(error.to_string(), "there is no corpus at `no/corpus`");
    assert!(error.is_missing());

    let dir = corpus_with(b"");
    let error = Corpus::open(dir.path(), "meta.dev.txt", MetaFormat::Nlt).unwrap_err();
    assert!(error.to_string().ends_with("has no `meta.dev.txt`"), "{error}");
    assert!(error.is_missing());
    let error = Categories::read(&dir.path().join("categories.json")).unwrap_err();
    assert!(error.to_string().ends_with("has no `categories.json`"), "{error}");

    let error = open(&dir, MetaFormat::Nlt).unwrap_err();
    assert!(error.to_string().ends_with("meta.txt` lists no utterance"), "{error}");
    assert!(!error.is_missing());
}

#[test]
fn facts_come_from_lengths_alone() {
    let dir = corpus_with(b"a_1|16000|x\na_2|8000|y\na_3|24000|z\n");
    let facts = open(&dir, MetaFormat::Nlt).unwrap().facts();
    assert_eq!(
        facts,
        CorpusFacts {
            utterances: 3,
            total_samples: 48_000,
            shortest_samples: 8_000,
            longest_samples: 24_000
        }
    );
    assert_eq!(facts.total_secs(16_000), 3.0);
    assert_eq!(CorpusFacts::of([]), CorpusFacts::default());
}

#[test]
fn the_digest_is_of_the_list() {
    // printf 'a_1|16000|x\n' | sha256sum
    let dir = corpus_with(b"a_1|16000|x\n");
    assert_eq!(
        open(&dir, MetaFormat::Nlt).unwrap().digest(),
        "63b487cea499ad99a957b7b43d459272d7d107e38885b8f3e69a2e699b49355c"
    );
}

#[test]
fn places_are_tried_in_the_order_of_the_rule() {
    let file = |path: &str| Place::File(PathBuf::from(path));
    let member =
        |archive: &str, member: &str| Place::Member { archive: archive.into(), member: member.into() };
    assert_eq!(
        places(Path::new("d"), "en_0000123456", ".flac"),
        [
            member("d/en.zip", "en_0000123456.flac"),
            file("d/en/en_0000123456.flac"),
            file("d/en/0000123/en_0000123456.flac"),
            file("d/en_0000123456.flac"),
        ]
    );
    assert_eq!(
        places(Path::new("d"), "a_b_c", ".ogg"),
        [
            member("d/a_b.zip", "a_b_c.ogg"),
            file("d/a_b/a_b_c.ogg"),
            file("d/a_b/b/a_b_c.ogg"),
            member("d/a_b/b.zip", "a_b_c.ogg"),
            file("d/a_b/b/a_b_c.ogg"),
            file("d/a_b/b/b/a_b_c.ogg"),
            file("d/a_b_c.ogg"),
        ]
    );
    assert_eq!(places(Path::new("d"), "plain", ""), [file("d/plain")]);
}

#[test]
fn audio_is_loaded_from_files_and_archives() {
    let dir = corpus_with(b"a_1|100|x\nb_1|200|x\nc_d_1|300|x\nplain|400|x\nz_1|500|x\nz_2|600|x\n");
    let at = |path: &str| dir.path().join(path);
    put_wav(&at("a/a_1.wav"), 100);
    put_wav(&at("b/1/b_1.wav"), 200);
    put_wav(&at("c_d/d/c_d_1.wav"), 300);
    put_wav(&at("plain.wav"), 400);
    put_wav(&at("loose/z_1.wav"), 500);
    put_wav(&at("loose/z_2.wav"), 600);
    let mut archive = zip::ZipWriter::new(fs::File::create(at("z.zip")).unwrap());
    for (name, method) in
        [("z_1.wav", zip::CompressionMethod::Stored), ("z_2.wav", zip::CompressionMethod::Deflated)]
    {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive.start_file(name, options).unwrap();
        archive.write_all(&fs::read(at("loose").join(name)).unwrap()).unwrap();
    }
    archive.finish().unwrap();

    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    for utterance in corpus.utterances() {
        assert_eq!(corpus.load(utterance, 16_000).unwrap().len(), utterance.samples, "{}", utterance.name);
    }
}

#[test]
fn flac_is_preferred_to_wav() {
    let dir = corpus_with(b"a_1|100|x\n");
    put_wav(&dir.path().join("a/a_1.wav"), 100);
    fs::write(dir.path().join("a_1.flac"), b"not audio at all").unwrap();
    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    // The broken flac is reported; quietly taking the wav would hide it.
    let error = corpus.load(&corpus.utterances()[0], 16_000).unwrap_err();
    assert!(error.to_string().contains("a_1.flac`: it is not wav, flac, ogg or sph"), "{error}");
}

#[test]
fn absent_audio_lists_the_places_tried() {
    let dir = corpus_with(b"a_1|100|x\n");
    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    let error = corpus.load(&corpus.utterances()[0], 16_000).unwrap_err();
    let prefix = format!("{}/", dir.path().display());
    assert_eq!(
        error.to_string().replace(&prefix, ""),
        "there is no audio for utterance `a_1`; tried `a.zip`, `a/a_1`, `a/1/a_1`, `a_1` \
         with the endings `.flac`, `.wav`, `.ogg` and none"
    );
}

#[test]
fn a_wrong_length_names_both_numbers() {
    let dir = corpus_with(b"b_1|7|x\na_1|100|x\n");
    put_wav(&dir.path().join("a/a_1.wav"), 99);
    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    let error = corpus.load(&corpus.utterances()[1], 16_000).unwrap_err();
    let prefix = format!("{}/", dir.path().display());
    assert_eq!(
        error.to_string().replace(&prefix, ""),
        "`meta.txt:2` says 100 samples, but `a/a_1.wav` has 99 at 16000 Hz"
    );
    assert!(error.help().unwrap().contains("16000 Hz"));
}

#[test]
fn broken_archives_are_named() {
    let dir = corpus_with(b"z_1|100|x\n");
    fs::write(dir.path().join("z.zip"), b"PK\x03\x04 cut off").unwrap();
    let corpus = open(&dir, MetaFormat::Nlt).unwrap();
    let error = corpus.load(&corpus.utterances()[0], 16_000).unwrap_err();
    assert!(error.to_string().contains("z.zip`: "), "{error}");
}

fn strings(labels: &[&str]) -> Vec<String> {
    labels.iter().map(ToString::to_string).collect()
}

#[test]
fn categories_come_in_three_shapes() {
    let json = r#"[{"alarm": 1, "weather": 0}, ["set", "query", 3], 2]"#;
    let categories = Categories::from_json(Path::new("c"), json).unwrap();
    assert_eq!(categories.sizes(), [2, 3, 2]);
    assert_eq!(categories.name(0, 1), Some("alarm"));
    assert_eq!(categories.name(1, 2), Some("3"));
    assert_eq!(categories.name(2, 1), Some("1"));
    assert_eq!((categories.name(0, 2), categories.name(3, 0)), (None, None));
    assert_eq!(categories.classes(&strings(&["alarm", "query", "0"])), Some(vec![Some(1), Some(1), Some(0)]));
    assert_eq!(categories.classes(&strings(&["-100", "set", "1"])), Some(vec![None, Some(0), Some(1)]));
    assert_eq!(categories.classes(&strings(&["alarm", "unheard", "0"])), None);
    assert_eq!(categories.classes(&strings(&["alarm"])), None);
}

#[test]
fn wrong_categories_are_explained() {
    for (json, detail) in [
        ("{\"a\": 0}", "it must be a list with one entry per classifier head"),
        ("[]", "it lists no classifier head"),
        ("[{\"a\": 0, \"b\": 2}]", "head 0: 2 names must have the classes 0 to 1, each once"),
        ("[3, {\"a\": 1, \"b\": 1}]", "head 1: `a` and `b` both have class 1"),
        ("[{\"a\": -1}]", "head 0: `a` has -1, which is no class number"),
        ("[[\"x\", \"x\"]]", "head 0: a name occurs twice"),
        ("[0]", "head 0: it has no class"),
        ("[1e99]", "head 0: 1e+99 is not a number of classes"),
        ("[true]", "head 0: true is neither an object, nor a list of names, nor a number"),
    ] {
        let error = Categories::from_json(Path::new("c.json"), json).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot use the categories in `c.json`: {detail}"));
    }
    let error = Categories::from_json(Path::new("c.json"), "[1,").unwrap_err();
    assert!(error.to_string().contains("it is not JSON: "), "{error}");
}

#[test]
fn labels_are_checked_against_categories() {
    let categories = Categories::from_json(Path::new("c"), r#"[["a", "b"], 2]"#).unwrap();
    let dir = corpus_with(b"u_1|5|t|a,1|en\nu_2|5|t|unheard,1|en\nu_3|5|t|-100,0|en\n");
    assert_eq!(open(&dir, MetaFormat::NltLa).unwrap().check_labels(&categories).unwrap(), 1);
    let dir = corpus_with(b"u_1|5|t|a,1|en\nu_2|5|t|a|en\n");
    let error = open(&dir, MetaFormat::NltLa).unwrap().check_labels(&categories).unwrap_err();
    let message = error.to_string();
    assert!(message.ends_with("meta.txt:2`: wanted one label per classifier head (2), found 1"), "{message}");
}
