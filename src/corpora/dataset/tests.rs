//! Data sets written by the library itself (tests/parity/make_datasets.py), and the sentence for everything that is wrong.

mod embedded;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, LargeStringArray, RecordBatch, StringViewArray, UInt8Array};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};

use super::*;
use crate::audio;
use crate::corpora::prepare::Summary;
use crate::corpora::prepare::quiet::{quietly, text};
use crate::corpora::{Categories, Corpus, MetaFormat};

const SPLITS: [(&str, &str); 3] = [("train", "train"), ("validation", "dev"), ("test", "test")];

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A request for a fixture, shaped as SUPERB's speaker identification.
    fn speakers(&self, folder: &str) -> DatasetRequest {
        DatasetRequest {
            from: fixtures().join(folder),
            audio: "audio".to_owned(),
            name: None,
            text: TextSource::Constant("123".to_owned()),
            labels: vec!["label".to_owned()],
            splits: Vec::new(),
            rate_hz: 16_000,
            lowercase: true,
        }
    }

    fn saved(&self) -> DatasetRequest {
        DatasetRequest { name: Some("file".to_owned()), ..self.speakers("saved") }
    }

    fn hub(&self) -> DatasetRequest {
        let text = TextSource::Column("text".to_owned());
        DatasetRequest {
            text,
            labels: vec!["speaker".to_owned(), "intent".to_owned()],
            ..self.speakers("hub")
        }
    }

    /// Paths in its rows start from the checkout.
    fn cache(&self) -> DatasetRequest {
        let from = self.dir.path().join("cache");
        copy(&fixtures().join("cache"), &from);
        std::os::unix::fs::symlink(crate::checkout().join("corpora"), from.join("corpora")).unwrap();
        DatasetRequest { from, audio: "file".to_owned(), ..self.speakers("cache") }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn prepare(&self, request: &DatasetRequest) -> Result<Summary, PrepareError> {
        quietly(request, &self.out())
    }

    /// The error, with the folders left out; nothing may be left behind.
    fn refusal(&self, request: &DatasetRequest) -> (String, Option<String>) {
        let error = self.prepare(request).unwrap_err();
        let left: Vec<_> = fs::read_dir(self.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("out")), "{left:?}");
        let dirs = [format!("{}/", self.dir.path().display()), format!("{}/", fixtures().display())];
        let short = |text: String| dirs.iter().fold(text, |text, dir| text.replace(dir, ""));
        (short(error.to_string()), error.help().map(short))
    }
}

fn fixtures() -> PathBuf {
    crate::checkout().join("tests/fixtures/datasets")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        match entry.is_dir() {
            true => copy(&entry, &target),
            false => assert!(fs::copy(&entry, &target).unwrap() > 0),
        }
    }
}

/// Name, recording, text and labels of every row, from the table that the fixtures' script writes.
fn expected(folder: &str, split: &str) -> Vec<[String; 4]> {
    let table = fs::read_to_string(fixtures().join("expected.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<String>>());
    rows.filter(|row| row[0] == folder && row[1] == split)
        .map(|row| [2, 3, 4, 5].map(|column| row[column].clone()))
        .collect()
}

/// Holds the prepared corpus at `out` to the table, sound by sound.
fn holds(out: &Path, folder: &str) {
    for (theirs, ours) in SPLITS {
        let wanted = expected(folder, theirs);
        let corpus = Corpus::open(out, &format!("meta.{ours}.nltLa.txt"), MetaFormat::NltLa).unwrap();
        assert_eq!(corpus.utterances().len(), wanted.len(), "{folder} {ours}");
        for (utterance, [name, recording, text, labels]) in corpus.utterances().iter().zip(&wanted) {
            assert_eq!((&utterance.name, &utterance.text, &utterance.labels.join(",")), (name, text, labels));
            let original = audio::read(&crate::checkout().join(recording), 16_000).unwrap();
            let prepared = corpus.load(utterance, 16_000).unwrap();
            assert_eq!(prepared.len(), original.len());
            let apart = original.iter().zip(&prepared).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart <= 1.0 / 32_768.0, "{name}: {apart}");
        }
    }
}

/// Utterances for training, development and test.
fn counts(summary: &Summary) -> Vec<usize> {
    summary.splits.iter().map(|split| split.utterances).collect()
}

#[test]
fn a_saved_data_set_is_prepared() {
    let bench = Bench::new();
    let summary = bench.prepare(&bench.saved()).unwrap();
    holds(&bench.out(), "saved");
    let told = (summary.utterances(), summary.skipped, summary.classes, summary.left_out.len());
    assert_eq!(told, (9, 0, vec![3], 0));
    let categories = Categories::read(&bench.out().join("categories.json")).unwrap();
    assert_eq!(categories.classes(&["id10003".to_owned()]), Some(vec![Some(2)]));
}

#[test]
fn parquet_shards_are_prepared() {
    let bench = Bench::new();
    let summary = bench.prepare(&bench.hub()).unwrap();
    holds(&bench.out(), "hub");
    assert_eq!(summary.classes, [3, 3]);
    let heads: Vec<&str> = summary.splits[0].labels.iter().map(|head| head.head.as_str()).collect();
    assert_eq!(heads, ["speaker", "intent"]);
    let categories = Categories::read(&bench.out().join("categories.json")).unwrap();
    assert_eq!((categories.name(0, 0), categories.name(1, 0)), (Some("id10001"), Some("home_open")));
}

#[test]
fn a_cache_folder_with_paths_is_prepared() {
    let bench = Bench::new();
    let request = bench.cache();
    fs::write(request.from.join("cache-0123456789abcdef.arrow"), "what `map` left").unwrap();
    bench.prepare(&request).unwrap();
    holds(&bench.out(), "cache");
}

#[test]
fn one_saved_split_and_folders_named_after_splits_are_found() {
    let bench = Bench::new();
    let request = DatasetRequest { from: fixtures().join("saved/test"), ..bench.saved() };
    assert_eq!(counts(&bench.prepare(&request).unwrap()), [0, 0, 2]);
    let from = bench.dir.path().join("converted");
    for (split, file) in [("train", "train-00000-of-00002"), ("test", "test-00000-of-00001")] {
        fs::create_dir_all(from.join(split)).unwrap();
        let source = fixtures().join(format!("hub/data/{file}.parquet"));
        fs::copy(source, from.join(split).join("0000.parquet")).unwrap();
    }
    let request = DatasetRequest { from, ..bench.hub() };
    let summary = quietly(&request, &bench.dir.path().join("two")).unwrap();
    assert_eq!(counts(&summary), [3, 0, 2]);
}

#[test]
fn splits_become_what_is_asked() {
    let bench = Bench::new();
    let splits = vec![("validation".to_owned(), Split::Train), ("test".to_owned(), Split::Train)];
    let summary = bench.prepare(&DatasetRequest { splits, ..bench.hub() }).unwrap();
    assert_eq!(counts(&summary), [4, 0, 0]);
    assert_eq!(summary.left_out, ["train"]);
    assert!(!bench.out().join("meta.dev.txt").exists());
}

#[test]
fn what_is_not_there_is_said() {
    let bench = Bench::new();
    let (said, _) = bench.refusal(&DatasetRequest { from: "no/data".into(), ..bench.hub() });
    assert_eq!(said, "there is no data set at `no/data`");
    let below = DatasetRequest { from: crate::checkout().join("tests/fixtures"), ..bench.hub() };
    let (said, help) = bench.refusal(&below);
    assert!(said.ends_with("holds neither a saved data set nor shards (`.arrow`, `.parquet`)"), "{said}");
    assert!(help.unwrap().starts_with("there are shards in `cache`, `hub/data`, `saved`; name one"));
    let (said, _) = bench.refusal(&DatasetRequest { audio: "sound".to_owned(), ..bench.hub() });
    assert_eq!(
        said,
        "`hub/data/test-00000-of-00001.parquet` has no column `sound`; it has `audio`, `text`, `speaker`, `intent`"
    );
    let (said, help) =
        bench.refusal(&DatasetRequest { splits: vec![("dev".into(), Split::Dev)], ..bench.hub() });
    assert_eq!(said, "the data set has no split `dev`; it has `test`, `train`, `validation`");
    assert!(help.unwrap().contains("--split"));
    let (said, _) = bench.refusal(&DatasetRequest { audio: "speaker".to_owned(), ..bench.hub() });
    assert_eq!(
        said,
        "`hub/data/test-00000-of-00001.parquet`, column `speaker`: it holds `Int64`, not audio (a struct of `bytes` and `path`) or a path"
    );
}

#[test]
fn an_incomplete_data_set_is_refused() {
    let bench = Bench::new();
    let from = bench.dir.path().join("hub");
    copy(&fixtures().join("hub"), &from);
    fs::remove_file(from.join("data/train-00000-of-00002.parquet")).unwrap();
    let (said, help) = bench.refusal(&DatasetRequest { from: from.clone(), ..bench.hub() });
    assert_eq!(said, "the shard `hub/data/train-00000-of-00002.parquet` is missing");
    assert_eq!(help.as_deref(), Some("download or save the data set again"));

    let from = bench.dir.path().join("saved");
    copy(&fixtures().join("saved"), &from);
    fs::remove_file(from.join("train/data-00001-of-00002.arrow")).unwrap();
    let (said, _) = bench.refusal(&DatasetRequest { from: from.clone(), ..bench.saved() });
    assert_eq!(said, "the shard `saved/train/data-00001-of-00002.arrow` is missing");

    let request = bench.cache();
    let info = request.from.join("dataset_info.json");
    let more = fs::read_to_string(&info).unwrap().replace("\"num_examples\": 5", "\"num_examples\": 6");
    fs::write(&info, more).unwrap();
    let (said, _) = bench.refusal(&request);
    assert_eq!(said, "`cache` has 5 rows of the split `train`, but its `dataset_info.json` says 6");
}

/// Cut or changed anywhere, a shard is an error or is read in full; it is never a panic.
#[test]
fn broken_shards_are_errors() {
    let bench = Bench::new();
    for (folder, file) in [
        ("saved", "validation/data-00000-of-00001.arrow"),
        ("hub", "data/validation-00000-of-00001.parquet"),
        ("cache", "parquet-validation.arrow"),
    ] {
        let from = bench.dir.path().join(folder);
        let request = match folder {
            "saved" => DatasetRequest { from: from.clone(), ..bench.saved() },
            "hub" => DatasetRequest { from: from.clone(), ..bench.hub() },
            _ => bench.cache(),
        };
        if folder != "cache" {
            copy(&fixtures().join(folder), &from);
        }
        let whole = fs::read(from.join(file)).unwrap();
        for cut in [0, 1, 4, 8, 100, whole.len() / 2, whole.len() - 100, whole.len() - 8] {
            fs::write(from.join(file), &whole[..cut]).unwrap();
            let error = bench.prepare(&request).unwrap_err();
            let unreadable = matches!(error, PrepareError::Dataset(DatasetError::Unreadable { .. }));
            assert!(unreadable, "{file} cut at {cut}: {error}");
        }
        for at in (0..whole.len()).step_by(whole.len() / 25) {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            fs::write(from.join(file), &changed).unwrap();
            if bench.prepare(&request).is_ok() {
                fs::remove_dir_all(bench.out()).unwrap();
            }
        }
    }
}

#[test]
fn every_wrong_cell_is_named() {
    let bench = Bench::new();
    let (said, help) = bench.refusal(&bench.speakers("saved"));
    assert!(
        said.starts_with("`saved/train/data-00000-of-00002.arrow`, row 2, column `audio`: row 0 of "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 7);
    assert_eq!(
        help.as_deref(),
        Some("name the utterances after another column, a path or an identifier: `--name COLUMN`")
    );

    let request = bench.cache();
    fs::remove_file(request.from.join("corpora")).unwrap();
    fs::create_dir_all(request.from.join("corpora/smoke/m03")).unwrap();
    fs::write(request.from.join("corpora/smoke/m03/m03_00000823.ogg"), "no sound").unwrap();
    let (said, _) = bench.refusal(&request);
    assert!(said.starts_with("`cache/parquet-train.arrow`, row 0, column `file`: "), "{said}");

    let bar = DatasetRequest { text: TextSource::Constant("a|b".to_owned()), ..bench.saved() };
    assert_eq!(bench.refusal(&bar).0.lines().count(), 9);
}

/// A data set of one stream, `train.arrow`, and its `dataset_info.json`.
fn write_stream(dir: &Path, columns: Vec<(&str, ArrayRef)>, info: serde_json::Value) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("dataset_info.json"), info.to_string()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(dir.join("train.arrow")).unwrap();
    let mut writer = StreamWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

#[test]
fn other_layouts_of_columns_and_missing_labels_are_read() {
    let bench = Bench::new();
    let from = bench.dir.path().join("made");
    let clip = |name: &str| crate::checkout().join("corpora/smoke").join(name).display().to_string();
    let files = [clip("m03/m03_00000823.ogg"), clip("f05/f05_00000893.ogg"), clip("f05/f05_00000175.ogg")];
    let columns = |classes: Vec<Option<i64>>| -> Vec<(&str, ArrayRef)> {
        vec![
            ("file", Arc::new(LargeStringArray::from_iter_values(&files))),
            ("text", Arc::new(StringViewArray::from_iter_values(["A", " b  c", "d"]))),
            ("class", Arc::new(Int64Array::from(classes))),
            ("digit", Arc::new(UInt8Array::from_iter_values([7, 8, 7]))),
        ]
    };
    let info =
        serde_json::json!({"features": {"class": {"_type": "ClassLabel", "names": ["no", "yes", "x, y"]}}});
    write_stream(&from, columns(vec![Some(1), Some(-1), None]), info.clone());
    let request = DatasetRequest {
        from: from.clone(),
        audio: "file".to_owned(),
        text: TextSource::Column("text".to_owned()),
        labels: vec!["class".to_owned(), "digit".to_owned()],
        ..bench.speakers("")
    };
    let wrong = |classes| {
        write_stream(&from, columns(classes), info.clone());
        bench.refusal(&request).0
    };
    assert_eq!(
        wrong(vec![Some(0), Some(3), Some(2)]),
        "`made/train.arrow`, row 1, column `class`: there is no class 3; the data set names 3\n\
         `made/train.arrow`, row 2, column `class`: the label `x, y` contains `,` or `|`, which part fields of a prepared corpus"
    );
    write_stream(&from, columns(vec![Some(1), Some(-1), None]), info.clone());
    assert_eq!(bench.prepare(&request).unwrap().classes, [3, 2]);
    let list = text(&bench.out(), "meta.train.nltLa.txt");
    let fields: Vec<Vec<&str>> = list.lines().map(|line| line.split('|').collect()).collect();
    let texts_and_labels: Vec<[&str; 2]> = fields.iter().map(|fields| [fields[2], fields[3]]).collect();
    assert_eq!(texts_and_labels, [["a", "yes,7"], ["b c", "-100,8"], ["d", "-100,7"]]);
}

#[test]
fn two_classes_of_one_name_are_refused() {
    let bench = Bench::new();
    let from = bench.dir.path().join("made");
    let info = serde_json::json!({"features": {"class": {"_type": "ClassLabel", "names": ["a", "b", " a"]}}});
    write_stream(&from, vec![("class", Arc::new(Int64Array::from(vec![1])))], info);
    let request =
        DatasetRequest { from, audio: "class".to_owned(), labels: vec!["class".to_owned()], ..bench.hub() };
    let text = TextSource::Constant(String::new());
    assert_eq!(
        bench.refusal(&DatasetRequest { text, ..request }).0,
        "cannot read `made/train.arrow`: its column `class` has two classes called `a`"
    );
}

#[test]
fn class_names_are_found_in_either_place() {
    let bare = Schema::new(vec![Field::new("label", DataType::Int64, true)]);
    let info = serde_json::json!({"features": {"label": {"_type": "ClassLabel", "names": ["no", "yes"]}}});
    assert_eq!(features::class_names(&bare, Some(&info), "label").unwrap(), ["no", "yes"]);
    assert_eq!(features::class_names(&bare, Some(&info), "other"), None);
    let counted = serde_json::json!({"features": {"label": {"_type": "ClassLabel", "num_classes": 3}}});
    assert_eq!(features::class_names(&bare, Some(&counted), "label").unwrap(), ["0", "1", "2"]);
    let json = serde_json::json!({"info": counted}).to_string();
    let metadata = std::collections::HashMap::from([("huggingface".to_owned(), json)]);
    assert_eq!(features::class_names(&bare.with_metadata(metadata), Some(&info), "label").unwrap().len(), 3);
}
