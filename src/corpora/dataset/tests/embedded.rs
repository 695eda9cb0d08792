//! Sounds in rows: the ones that do not decode, and what is left after a stop.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray, StructArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field};

use super::{Bench, counts};
use crate::audio;
use crate::corpora::dataset::{DatasetRequest, TextSource};
use crate::corpora::prepare::quiet::{Nobody, files, text};
use crate::corpora::prepare::{How, PrepareError, Prepared, Recipe, Watch, prepare};
use crate::corpora::{Corpus, MetaFormat};

/// A data set of one stream with a hundred rows of one sound each in batches of seven; some are none.
fn many(dir: &Path) -> DatasetRequest {
    let whole = fs::read(crate::checkout().join("corpora/smoke/m03/m03_00000823.ogg")).unwrap();
    let (flac, tone) = (dir.join("tone.flac"), vec![0.25; 4_000]);
    audio::Pcm16::of(&tone).write_flac(&flac, 16_000).unwrap();
    let flac = fs::read(flac).unwrap();
    let sound = |row: usize| match row {
        40 => &b"ID3 and so on"[..],
        41 => &whole[..whole.len() / 2],
        row if row.is_multiple_of(10) => &whole[..],
        _ => &flac[..],
    };
    let batch = |rows: std::ops::Range<usize>| {
        let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(rows.clone().map(sound)));
        let path: ArrayRef =
            Arc::new(StringArray::from_iter_values(rows.map(|row| format!("s_{row:03}.ogg"))));
        let field = |name, kind| Arc::new(Field::new(name, kind, true));
        let audio = StructArray::from(vec![
            (field("bytes", DataType::Binary), bytes),
            (field("path", DataType::Utf8), path),
        ]);
        RecordBatch::try_from_iter([("audio", Arc::new(audio) as ArrayRef)]).unwrap()
    };
    let from = dir.join("many");
    fs::create_dir_all(&from).unwrap();
    let mut writer =
        StreamWriter::try_new(fs::File::create(from.join("train.arrow")).unwrap(), &batch(0..1).schema())
            .unwrap();
    for first in (0..100).step_by(7) {
        writer.write(&batch(first..(first + 7).min(100))).unwrap();
    }
    writer.finish().unwrap();
    DatasetRequest {
        from,
        audio: "audio".to_owned(),
        name: None,
        text: TextSource::Constant("a".to_owned()),
        labels: Vec::new(),
        splits: Vec::new(),
        rate_hz: 16_000,
        lowercase: true,
    }
}

/// Presses Ctrl-C when so many sounds are done; remembers what was told.
struct StopsAt<'a> {
    stop: &'a AtomicBool,
    sounds: usize,
    begun: (usize, usize, u64),
}

impl Watch for StopsAt<'_> {
    fn left_out(&mut self, split: &str) {
        panic!("`{split}` is left out");
    }

    fn begin(&mut self, files: usize, done: usize, bytes: u64) {
        self.begun = (files, done, bytes);
    }

    fn file(&mut self, done: usize) {
        self.stop.store(done >= self.sounds, Ordering::Relaxed);
    }
}

#[test]
fn sounds_that_cannot_be_decoded_are_skipped_and_listed_by_row() {
    let bench = Bench::new();
    let summary = bench.prepare(&many(bench.dir.path())).unwrap();
    assert_eq!((counts(&summary), summary.skipped, summary.skipped_utterances), (vec![98, 0, 0], 2, 2));
    let bad = text(&bench.out(), "bad_files.tsv");
    let lines: Vec<&str> = bad.lines().collect();
    assert_eq!(
        lines[1],
        "train.arrow\t40\tit is not wav, flac, ogg or sph (it looks like mp3, or a file with an ID3 tag); \
         convert it first, for example with `sox IN -b 16 OUT.wav`\tskipped 1 utterance"
    );
    assert!(lines[2].starts_with("train.arrow\t41\tit is truncated: ") && lines.len() == 3, "{bad}");
    let corpus = Corpus::open(&bench.out(), "meta.train.txt", MetaFormat::Nlt).unwrap();
    let names: Vec<&str> = corpus.utterances().iter().map(|utterance| utterance.name.as_str()).collect();
    assert!(names.is_sorted() && names.first() == Some(&"s_000") && !names.contains(&"s_040"), "{names:?}");
    // Flac that fits is taken as it is.
    let taken = fs::read(bench.out().join("s/s_001.flac")).unwrap();
    assert_eq!(taken, fs::read(bench.dir.path().join("tone.flac")).unwrap());
}

#[test]
fn a_stopped_preparation_ends_as_an_undisturbed_one_on_any_number_of_threads() {
    let bench = Bench::new();
    let request = many(bench.dir.path());
    bench.prepare(&request).unwrap();
    let undisturbed = files(&bench.out());
    let out = bench.dir.path().join("again");
    let mut expected = u64::MAX;
    for (threads, sounds) in [(1, 10), (8, 40), (3, 75)] {
        let stop = AtomicBool::new(false);
        let mut watch = StopsAt { stop: &stop, sounds, begun: (0, 0, 0) };
        let error =
            prepare(&request, &out, &How { threads, stop: &stop, free_bytes: None }, &mut watch).unwrap_err();
        assert!(matches!(error, PrepareError::Stopped { files: 100, .. }), "{error}");
        assert!(watch.begun.2 > 0 && watch.begun.2 < expected, "less is left each time");
        expected = watch.begun.2;
    }
    let stop = AtomicBool::new(false);
    let mut watch = StopsAt { stop: &stop, sounds: 101, begun: (0, 0, 0) };
    let how = How { threads: 16, stop: &stop, free_bytes: None };
    assert!(matches!(prepare(&request, &out, &how, &mut watch), Ok(Prepared::Now(_))));
    // What was bad is looked at again.
    assert!(watch.begun.1 >= 73, "{:?}", watch.begun);
    assert!(files(&out) == undisturbed);
    assert!(matches!(prepare(&request, &out, &how, &mut Nobody), Ok(Prepared::Before(_))));
}

#[test]
fn a_shard_that_is_cut_while_it_is_read_ends_the_work() {
    let bench = Bench::new();
    let request = many(bench.dir.path());
    let shard = request.from.join("train.arrow");
    let mut reader = request.row_reader().unwrap();
    let whole = fs::read(bench.dir.path().join("tone.flac")).unwrap();
    for at in [1, 13, 99, 3, 0, 3] {
        assert_eq!(reader.read(&shard, at).unwrap() == whole, at != 0, "row {at}, in any order");
    }
    let bytes = fs::read(&shard).unwrap();
    fs::write(&shard, &bytes[..bytes.len() / 2]).unwrap();
    let error = request.row_reader().unwrap().read(&shard, 99).unwrap_err();
    assert!(error.to_string().starts_with("cannot read `"), "{error}");
}
