//! The driver on a corpus made up for it: the same bytes however often it is stopped, and nothing of others touched.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::quiet::{Nobody, files, quietly, text};
use super::*;
use crate::audio;
use crate::corpora::Corpus;

/// Recordings of half a second, two clips cut from each; every third is taken whole.
struct Toy {
    source: PathBuf,
    link: bool,
}

const RECORDINGS: usize = 9;

impl Recipe for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let clip = |recording: usize, at: u64, span: Option<Span>| Clip {
            name: format!("r{recording}_{at}"),
            place: format!("r{recording}/r{recording}_{at}"),
            part: recording % 2,
            span,
            text: format!("text {recording} | {at}"),
            raw_text: None,
            labels: vec![format!("r{}", recording % 4)],
            line: Some(Line { file: "list".into(), number: recording as u64 + 1 }),
        };
        let span = |at: u64| Some(Span { start: at * 4_000, end: (at + 1) * 4_000 });
        let clips = |recording: usize| match recording % 3 {
            0 => vec![clip(recording, 0, None)],
            _ => vec![clip(recording, 0, span(0)), clip(recording, 1, span(1))],
        };
        let unit = |recording: usize| Unit {
            sound: Sound::File(self.source.join(recording_name(recording))),
            named_by: Some(format!("list:{}", recording + 1)),
            clips: clips(recording),
        };
        let list = |file: &str, parts: &[usize]| List {
            file: file.into(),
            format: MetaFormat::NltLa,
            parts: parts.to_vec(),
            raw: false,
            language: "und",
        };
        Ok(Layout {
            root: self.source.clone(),
            rate_hz: 16_000,
            link: self.link,
            units: (0..RECORDINGS).map(unit).collect(),
            parts: vec!["train", "dev"],
            lists: vec![
                list("meta.train.txt", &[0]),
                list("meta.dev.txt", &[1]),
                list("meta.all.txt", &[0, 1]),
            ],
            heads: vec![Head {
                name: "kind".into(),
                classes: (0..4).map(|kind| format!("r{kind}")).collect(),
            }],
            vocabulary: Vocabulary::OfTexts,
            extra: vec![("more.json".into(), "[]\n".into())],
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims::default(),
        })
    }
}

/// Every third recording is flac.
fn recording_name(recording: usize) -> String {
    format!("{recording}.{}", if recording.is_multiple_of(3) { "flac" } else { "wav" })
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a folder") };
        let source = bench.at("source");
        fs::create_dir(&source).expect("a folder");
        for recording in 0..RECORDINGS {
            let path = source.join(recording_name(recording));
            let tone: Vec<f32> =
                (0..8_000).map(|at| 0.5 * (at as f32 * 0.01 * (recording + 1) as f32).sin()).collect();
            match recording % 3 {
                0 => audio::Pcm16::of(&tone).write_flac(&path, 16_000).expect("written"),
                _ => _ = audio::write_wav(&path, &tone, 16_000).expect("written"),
            }
        }
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn toy(&self) -> Toy {
        Toy { source: self.at("source"), link: false }
    }

    /// What the error says, without this bench's folder.
    fn refusal(&self, result: Result<impl std::fmt::Debug, PrepareError>) -> String {
        let said = result.expect_err("a refusal").to_string();
        said.replace(&format!("{}/", self.folder.path().display()), "")
    }

    /// Prepares into `out` until `files` are done, then stops.
    fn stopped_after(&self, out: &str, files: usize) -> PrepareError {
        let stop = AtomicBool::new(false);
        let how = How { threads: 1, stop: &stop, free_bytes: None };
        let mut watch = StopsAt { stop: &stop, files };
        prepare(&self.toy(), &self.at(out), &how, &mut watch).expect_err("stopped")
    }
}

/// Presses Ctrl-C when so many files are done.
struct StopsAt<'a> {
    stop: &'a AtomicBool,
    files: usize,
}

impl Watch for StopsAt<'_> {
    fn left_out(&mut self, _split: &str) {}

    fn begin(&mut self, _files: usize, _done: usize, _bytes: u64) {}

    fn file(&mut self, done: usize) {
        self.stop.store(done >= self.files, Ordering::Relaxed);
    }
}

#[test]
fn lists_and_clips_are_what_the_layout_says() {
    let bench = Bench::new();
    let out = bench.at("out");
    let summary = quietly(&bench.toy(), &out).expect("prepared");
    assert_eq!(
        text(&out, "meta.train.txt"),
        "r0_0|8000|text 0   0|r0|und\nr2_0|4000|text 2   0|r2|und\nr2_1|4000|text 2   1|r2|und\n\
         r4_0|4000|text 4   0|r0|und\nr4_1|4000|text 4   1|r0|und\nr6_0|8000|text 6   0|r2|und\n\
         r8_0|4000|text 8   0|r0|und\nr8_1|4000|text 8   1|r0|und\n"
    );
    let all = text(&out, "meta.all.txt");
    assert_eq!(all, text(&out, "meta.train.txt") + &text(&out, "meta.dev.txt"));
    assert_eq!(text(&out, "bad_files.tsv"), "file\tline\treason\toutcome\n");
    assert_eq!(text(&out, "more.json"), "[]\n");
    assert_eq!((summary.utterances(), summary.skipped, summary.classes.clone()), (15, 0, vec![4]));
    let train = &summary.splits[0];
    assert_eq!((train.utterances, train.secs, train.lengths[0]), (8, 2.5, 8));
    let counts: Vec<(&str, usize)> =
        train.labels[0].classes.iter().map(|count| (count.class.as_str(), count.utterances)).collect();
    assert_eq!(counts, [("r0", 5), ("r2", 3)]);
    // A clip is the very stretch of its recording.
    let whole = audio::read(&bench.at("source/4.wav"), 16_000).expect("a sound");
    let corpus = Corpus::open(&out, "meta.train.txt", MetaFormat::NltLa).expect("a corpus");
    let sound = corpus.load(&corpus.utterances()[4], 16_000).expect("a sound");
    assert_eq!(sound, whole[4_000..]);
    // A flac file of the right rate is copied as it is.
    assert_eq!(fs::read(out.join("r0/r0_0.flac")).ok(), fs::read(bench.at("source/0.flac")).ok());
    assert!(!bench.at("out.partial").exists());
}

/// Lists of others have a part in where clips go.
#[test]
fn clips_whose_place_leads_out_of_the_prepared_folder_are_left_out_and_named() {
    let bench = Bench::new();
    let mut layout = bench.toy().layout().expect("a layout");
    let outside = bench.at("outside").display().to_string();
    let places = ["../outside", "r/../../outside", &outside, "", "./..", ".."];
    for (unit, place) in layout.units.iter_mut().zip(places) {
        place.clone_into(&mut unit.clips[0].place);
    }
    layout.leave_out_unusable_names();
    let said: Vec<String> = layout.bad.iter().map(|bad| bad.reason.clone()).collect();
    assert_eq!(said, places.map(|place| format!("`{place}` would lie outside of the prepared folder")));
    let kept = layout.units.iter().flat_map(|unit| &unit.clips);
    assert!(kept.clone().all(|clip| clip.place.starts_with(&format!("r{}/", &clip.name[1..2]))));
    assert_eq!(kept.count(), 15 - places.len());
}

#[test]
fn the_number_of_threads_does_not_show() {
    let bench = Bench::new();
    let stop = AtomicBool::new(false);
    for threads in [1, 2, 5, 64] {
        let how = How { threads, stop: &stop, free_bytes: Some(1_000_000) };
        prepare(&bench.toy(), &bench.at(&threads.to_string()), &how, &mut Nobody).expect("prepared");
    }
    let one = files(&bench.at("1"));
    assert!(one.len() > 15);
    for threads in ["2", "5", "64"] {
        assert_eq!(files(&bench.at(threads)), one);
    }
}

#[test]
fn a_stopped_preparation_goes_on_and_redoes_nothing() {
    let bench = Bench::new();
    quietly(&bench.toy(), &bench.at("undisturbed")).expect("prepared");
    let error = bench.stopped_after("out", 4);
    // A file or two more may be done before the word arrives.
    let said = error.to_string();
    assert!((4..9).any(|files| said == format!("stopped after {files} of 9 files")), "{said}");
    assert!(!bench.at("out").exists());
    let clip = bench.at("out.partial/r1/r1_1.flac");
    let before = fs::metadata(&clip).expect("a clip").ino();
    bench.stopped_after("out", 6);

    // As if killed while writing: half a line, a clip on disk that no line tells of, and a half-written one.
    let journal = bench.at("out.partial/journal.jsonl");
    let lines = fs::read(&journal).expect("a journal");
    let whole = lines[..lines.len() - 1].iter().rposition(|&byte| byte == b'\n').expect("lines");
    fs::write(&journal, &lines[..whole + 20]).expect("cut");
    fs::write(bench.at("out.partial/unfinished/7"), b"fLaC and no more").expect("written");

    quietly(&bench.toy(), &bench.at("out")).expect("prepared");
    assert_eq!(files(&bench.at("out")), files(&bench.at("undisturbed")));
    let after = fs::metadata(bench.at("out/r1/r1_1.flac")).expect("a clip").ino();
    assert_eq!(before, after, "a clip that is done is not written again");
}

#[test]
fn clips_that_went_missing_are_made_again() {
    let bench = Bench::new();
    quietly(&bench.toy(), &bench.at("undisturbed")).expect("prepared");
    bench.stopped_after("out", 5);
    fs::remove_file(bench.at("out.partial/r1/r1_0.flac")).expect("removed");
    fs::write(bench.at("out.partial/r2/r2_0.flac"), b"").expect("emptied");
    quietly(&bench.toy(), &bench.at("out")).expect("prepared");
    assert_eq!(files(&bench.at("out")), files(&bench.at("undisturbed")));
}

#[test]
fn bad_recordings_are_skipped_and_looked_at_again() {
    let bench = Bench::new();
    let good = fs::read(bench.at("source/1.wav")).expect("bytes");
    fs::write(bench.at("source/1.wav"), &good[..1_000]).expect("cut");
    fs::remove_file(bench.at("source/3.flac")).expect("removed");
    audio::write_wav(&bench.at("source/5.wav"), &[0.1; 5_000], 16_000).expect("shorter");
    audio::write_wav(&bench.at("source/7.wav"), &[0.1; 3_000], 16_000).expect("shorter still");
    let summary = quietly(&bench.toy(), &bench.at("out")).expect("prepared");
    let told = (summary.skipped, summary.skipped_utterances, summary.cut_utterances, summary.utterances());
    assert_eq!(told, (3, 4, 2, 11));
    assert_eq!(
        text(&bench.at("out"), "bad_files.tsv"),
        "file\tline\treason\toutcome\n\
         1.wav\t\tit is truncated: its header promises 16000 bytes of samples, the file holds 956; \
         copy or make the file again (named in `list:2`)\tskipped 2 utterances\n\
         3.flac\t\tthere is no such file (named in `list:4`)\tskipped 1 utterance\n\
         list\t6\tit ends at 0.50 s, the recording at 0.31 s\tcut\n\
         list\t8\tit ends at 0.25 s, the recording at 0.19 s\tcut\n\
         list\t8\tit starts at 0.25 s, the recording ends at 0.19 s\tskipped 1 utterance\n"
    );
    let dev = text(&bench.at("out"), "meta.dev.txt");
    assert!(dev.contains("r5_1|1000|") && dev.contains("r7_0|3000|") && !dev.contains("r7_1"), "{dev}");

    bench.stopped_after("mended", 4);
    fs::write(bench.at("source/1.wav"), &good).expect("mended");
    let summary = quietly(&bench.toy(), &bench.at("mended")).expect("prepared");
    assert_eq!((summary.skipped, summary.skipped_utterances), (2, 2));
}

#[test]
fn links_lead_to_the_source_and_the_rest_is_written() {
    let bench = Bench::new();
    audio::write_wav(&bench.at("source/6.flac"), &[0.1; 4_000], 8_000).expect("another rate");
    let toy = Toy { link: true, ..bench.toy() };
    let summary = quietly(&toy, &bench.at("out")).expect("prepared");
    assert_eq!((summary.linked_files, summary.resampled_files), (2, 1));
    let link = fs::read_link(bench.at("out/r0/r0_0.flac")).expect("a link");
    assert_eq!(link, fs::canonicalize(bench.at("source/0.flac")).expect("a path"));
    assert!(!bench.at("out/r6/r6_0.flac").is_symlink() && !bench.at("out/r1/r1_0.flac").is_symlink());
    let corpus = Corpus::open(&bench.at("out"), "meta.all.txt", MetaFormat::NltLa).expect("a corpus");
    for utterance in corpus.utterances() {
        corpus.load(utterance, 16_000).expect("a sound of the listed length");
    }
}

/// The same recordings as rows of one file.
struct InRows(Toy);

impl Recipe for InRows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn source(&self) -> &Path {
        self.0.source()
    }

    fn options(&self) -> serde_json::Value {
        self.0.options()
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let mut layout = self.0.layout()?;
        let file: Arc<Path> = Arc::from(self.0.source.join("all"));
        for (row, unit) in (0..).zip(&mut layout.units) {
            if let Sound::File(path) = &unit.sound {
                let bytes = fs::read(path).expect("a recording");
                let format = audio::Format::of(&bytes);
                unit.named_by = None;
                unit.sound = Sound::Row { file: file.clone(), row, bytes: bytes.len() as u64, format };
            }
        }
        Ok(layout)
    }

    fn row_reader(&self) -> Option<Box<dyn RowReader + '_>> {
        Some(Box::new(Forward { source: &self.0.source, next: 0 }))
    }
}

struct Forward<'a> {
    source: &'a Path,
    next: u64,
}

impl RowReader for Forward<'_> {
    fn read(&mut self, file: &Path, row: u64) -> Result<Vec<u8>, PrepareError> {
        assert!(file.ends_with("all") && row >= self.next, "{row} comes after {}", self.next);
        self.next = row + 1;
        let path = self.source.join(recording_name(row as usize));
        fs::read(&path).map_err(PrepareError::io("read", &path))
    }
}

#[test]
fn recordings_in_rows_become_what_files_become() {
    let bench = Bench::new();
    fs::write(bench.at("source/4.wav"), b"no sound").expect("written");
    quietly(&bench.toy(), &bench.at("files")).expect("prepared");
    let how = How { threads: 5, stop: &AtomicBool::new(false), free_bytes: None };
    let recipe = InRows(Toy { link: true, ..bench.toy() });
    prepare(&recipe, &bench.at("rows"), &how, &mut Nobody).expect("what is no file is not linked");
    let told = ["prepared.json", "bad_files.tsv"];
    let same = |out: &str| {
        let mut made = files(&bench.at(out));
        made.retain(|(name, _)| !told.contains(&name.as_str()));
        made
    };
    assert_eq!(same("rows"), same("files"));
    let reason = "it is not wav, flac, ogg or sph";
    assert_eq!(
        text(&bench.at("rows"), "bad_files.tsv"),
        format!("file\tline\treason\toutcome\nall\t4\t{reason}\tskipped 2 utterances\n")
    );
}

#[test]
fn what_belongs_to_others_is_left_alone() {
    let bench = Bench::new();
    let out = bench.at("out");
    fs::create_dir(&out).expect("an empty folder may be filled");
    quietly(&bench.toy(), &out).expect("prepared");
    let made = files(&out);
    let how = How { threads: 1, stop: &AtomicBool::new(false), free_bytes: None };
    let again = prepare(&bench.toy(), &out, &how, &mut Nobody).expect("there already");
    assert!(matches!(again, Prepared::Before(summary) if summary.utterances() == 15));
    assert_eq!(files(&out), made);

    let other = Toy { link: true, ..bench.toy() };
    assert_eq!(
        bench.refusal(prepare(&other, &out, &how, &mut Nobody)),
        format!("`out` holds another preparation, of toy from `{}`; nothing was written", "source")
    );
    bench.stopped_after("half", 2);
    assert_eq!(
        bench.refusal(prepare(&other, &bench.at("half"), &how, &mut Nobody)),
        "`half.partial` holds the beginning of another preparation; nothing was written"
    );
    assert_eq!(
        bench.refusal(prepare(&bench.toy(), &bench.at("source"), &how, &mut Nobody)),
        "`source` exists and is not empty; nothing was written"
    );
    fs::create_dir(bench.at("new.partial")).expect("a folder");
    fs::write(bench.at("new.partial/diary"), b"mine").expect("a file");
    assert_eq!(
        bench.refusal(prepare(&bench.toy(), &bench.at("new"), &how, &mut Nobody)),
        "`new.partial` is in the way and holds no beginning of a preparation; nothing was written"
    );
    let file = bench.at("source/1.wav");
    let said = bench.refusal(prepare(&bench.toy(), &file, &how, &mut Nobody));
    assert!(said.starts_with("`source/1.wav` is no folder to write to"), "{said}");
}

#[test]
fn two_at_once_are_refused() {
    let bench = Bench::new();
    bench.stopped_after("out", 1);
    let journal = fs::File::open(bench.at("out.partial/journal.jsonl")).expect("a journal");
    journal.lock().expect("a lock");
    assert_eq!(
        bench.refusal(quietly(&bench.toy(), &bench.at("out"))),
        "`out.partial` is being prepared by another process"
    );
    drop(journal);
    quietly(&bench.toy(), &bench.at("out")).expect("prepared");
}

#[test]
fn too_little_room_is_said_before_anything_is_decoded() {
    let bench = Bench::new();
    let how = How { threads: 1, stop: &AtomicBool::new(false), free_bytes: Some(1_000) };
    let said = bench.refusal(prepare(&bench.toy(), &bench.at("out"), &how, &mut Nobody));
    assert!(said.starts_with("`out` takes about 0.1 MB more, the disk has 0.0 MB free"), "{said}");
    assert!(!bench.at("out.partial").exists());
    let said = bench.refusal(quietly(&bench.toy(), &bench.at("source/1.wav/out")));
    assert!(said.starts_with("`source/1.wav/out"), "{said}");
}

#[test]
fn a_source_without_anything_usable_leaves_nothing() {
    let bench = Bench::new();
    for recording in 0..RECORDINGS {
        fs::write(bench.at("source").join(recording_name(recording)), b"ID3 and so on").expect("written");
    }
    let said = bench.refusal(quietly(&bench.toy(), &bench.at("out")));
    assert_eq!(
        said.replace(&bench.at("source").display().to_string(), "source"),
        "nothing in `source` can be used; the first of 9 reasons: `0.flac`: it is not wav, flac, ogg or sph \
         (it looks like mp3, or a file with an ID3 tag); convert it first, for example with \
         `sox IN -b 16 OUT.wav` (named in `list:1`)"
    );
    assert!(!bench.at("out").exists() && !bench.at("out.partial").exists());
}

#[test]
fn names_that_a_list_cannot_hold_or_that_come_twice_are_left_out() {
    let bench = Bench::new();
    let mut layout = bench.toy().layout().expect("a layout");
    layout.units[1].clips[1].name = "r1_0".into();
    layout.units[2].clips[0].name = "r|2".into();
    layout.units[3].clips[0].name = "r1_0".into();
    layout.leave_out_unusable_names();
    let said: Vec<String> = layout.bad.iter().map(|bad| format!("{}: {}", bad.file, bad.reason)).collect();
    assert_eq!(
        said,
        [
            "list: there is another utterance called `r1_0`",
            "list: `r|2` is no name that a list can hold",
            "list: there is another utterance called `r1_0`",
        ]
    );
    assert_eq!(layout.units.len(), RECORDINGS - 1);
}
