//! From a folder and a table to a corpus that reads back, and the sentence for every wrong row.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::audio;
use crate::corpora::prepare::quiet::quietly;
use crate::corpora::{Categories, Corpus, Summary};
use crate::text::CtcTokenizer;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    /// A folder with `audio/` (clips of 8 kHz, 800 samples each) and `table.csv`.
    fn new(clips: &[&str], table: &[u8]) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(bench.request().table, table).unwrap();
        for clip in clips {
            let path = bench.request().audio_dir.join(clip);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            audio::write_wav(&path, &[0.25; 800], 8_000).unwrap();
        }
        bench
    }

    fn request(&self) -> TableRequest {
        let at = |name: &str| self.dir.path().join(name);
        TableRequest {
            table: at("table.csv"),
            audio_dir: at("audio"),
            rate_hz: 16_000,
            lowercase: false,
            link: false,
        }
    }

    fn out_dir(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn prepare(&self) -> Result<Summary, PrepareError> {
        quietly(&self.request(), &self.out_dir())
    }

    /// The error, with the bench's folder left out; nothing may be left behind.
    fn refusal(&self) -> String {
        let error = self.prepare().unwrap_err().to_string();
        let left: Vec<_> = fs::read_dir(self.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("out")), "{left:?}");
        error.replace(&format!("{}/", self.dir.path().display()), "")
    }

    fn out(&self, file: &str) -> String {
        fs::read_to_string(self.out_dir().join(file)).unwrap()
    }
}

fn clips(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("spk{}/clip{i}.wav", i % 2)).collect()
}

fn table_of(clips: &[String]) -> String {
    let rows: Vec<String> =
        clips.iter().enumerate().map(|(i, clip)| format!("{clip}\tsentence number {i}")).collect();
    rows.join("\n")
}

#[test]
fn a_table_with_all_columns_becomes_a_corpus() {
    let table = b"split,text,path,labels\n\
        train,\"Hello, world\",a/one.wav,\"greet,hi\"\n\
        valid,  good   bye ,a/two,\"leave,bye\"\n\
        test,hi,b/x y.wav,\"greet,hi\"\n";
    let bench = Bench::new(&["a/one.wav", "a/two.wav", "b/x y.wav"], table);
    let summary = bench.prepare().unwrap();
    let splits: Vec<(&str, usize, f64)> =
        summary.splits.iter().map(|split| (split.name.as_str(), split.utterances, split.secs)).collect();
    assert_eq!(splits, [("train", 1, 0.1), ("dev", 1, 0.1), ("test", 1, 0.1)]);
    // H e l o , w r d g b y h i, then [PAD] | [UNK] <s> </s>
    assert_eq!((summary.vocab_size, summary.classes.clone()), (13 + 5, vec![2, 2]));
    assert_eq!((summary.resampled_files, summary.clipped_samples), (3, 0));
    assert_eq!(bench.out("meta.train.txt"), "a_one|1600|Hello, world\n");
    assert_eq!(bench.out("meta.dev.nltLa.txt"), "a_two|1600|good bye|leave,bye|und\n");
    assert_eq!(bench.out("meta.test.txt"), "b_x-y|1600|hi\n");

    let out = bench.out_dir();
    let corpus = Corpus::open(&out, "meta.train.nltLa.txt", MetaFormat::NltLa).unwrap();
    let sound = corpus.load(&corpus.utterances()[0], 16_000).unwrap();
    assert!((sound[800] - 0.25).abs() < 1e-4);
    let categories = Categories::read(&out.join("categories.json")).unwrap();
    assert_eq!(categories.classes(&corpus.utterances()[0].labels), Some(vec![Some(0), Some(1)]));
    let tokenizer = CtcTokenizer::read(&out.join("vocab.json")).unwrap();
    assert_eq!(tokenizer.size(), summary.vocab_size);
    assert!(!tokenizer.encode("Hello, world").contains(&tokenizer.unknown_id()));
}

#[test]
fn a_bare_table_is_split_by_name() {
    let clips = clips(25);
    let names: Vec<&str> = clips.iter().map(String::as_str).collect();
    let bench = Bench::new(&names, table_of(&clips).as_bytes());
    let summary = bench.prepare().unwrap();
    let sizes: Vec<usize> = summary.splits.iter().map(|split| split.utterances).collect();
    assert_eq!(sizes, [21, 2, 2]);
    assert!(summary.classes.is_empty());
    assert!(!bench.out_dir().join("categories.json").exists());
    assert!(!bench.out_dir().join("meta.train.nltLa.txt").exists());

    let mut reversed = clips.clone();
    reversed.reverse();
    let other = Bench::new(&names, table_of(&reversed).as_bytes());
    other.prepare().unwrap();
    let names_in = |bench: &Bench| -> Vec<String> {
        let meta = bench.out("meta.test.txt");
        let mut names: Vec<String> = meta.lines().map(|l| l.split('|').next().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names_in(&bench), names_in(&other), "the order of rows must not matter");
}

#[test]
fn the_separator_is_found() {
    for table in [
        "path|text\na.wav|it's \"fine, really\nb.wav|x, y\nc.wav|z\n",
        "path\ttext\na.wav\tit's \"fine, really\nb.wav\tx, y\nc.wav\tz\n",
        "path,text\na.wav,\"it's \"\"fine, really\"\nb.wav,\"x, y\"\nc.wav,z\n",
        "\u{feff}Path,Text\r\na.wav,\"it's \"\"fine, really\"\r\nb.wav,\"x, y\"\r\nc.wav,z\r\n",
    ] {
        let bench = Bench::new(&["a.wav", "b.wav", "c.wav"], table.as_bytes());
        bench.prepare().unwrap_or_else(|error| panic!("{table:?}: {error}"));
        let all: String =
            ["train", "dev", "test"].map(|split| bench.out(&format!("meta.{split}.txt"))).concat();
        assert!(all.contains("a|1600|it's \"fine, really\n") && all.contains("b|1600|x, y\n"), "{all}");
    }
}

#[test]
fn text_can_be_lower_cased() {
    let bench = Bench::new(&["a.wav"], b"path|text|split\na.wav|Turn ON|train\n");
    let request = TableRequest { lowercase: true, ..bench.request() };
    quietly(&request, &bench.out_dir()).unwrap();
    assert_eq!(bench.out("meta.train.txt"), "a|1600|turn on\n");
}

#[test]
fn every_wrong_row_is_named() {
    let table = b"path,text,labels,split\n\
        a.wav,fine,x,train\n\
        gone.wav,lost,x,train\n\
        b.wav,,x,train\n\
        a.wav,again,x,dev\n\
        c.wav,a|b,x,dev\n\
        d.wav,ok,\"x,,y\",dev\n\
        e.wav,ok,\"x,y\",nope\n\
        f.wav,\xff,x,dev\n\
        g.wav,short row\n\
        h.wav,two labels,\"x,y\",test\n\
        bad.wav,not audio,x,test\n";
    let bench = Bench::new(&["a.wav", "b.wav", "c.wav", "d.wav", "e.wav", "f.wav", "g.wav", "h.wav"], table);
    fs::write(bench.request().audio_dir.join("bad.wav"), b"ID3 no wav").unwrap();
    assert_eq!(
        bench.refusal(),
        "`table.csv:3`, column `path`: there is no audio at `audio/gone.wav`\n\
         `table.csv:4`, column `text`: it is empty\n\
         `table.csv:5`, column `path`: line 2 has the same utterance, `a`\n\
         `table.csv:6`, column `text`: it contains `|`, which parts the fields of a prepared corpus\n\
         `table.csv:7`, column `labels`: a label is empty\n\
         `table.csv:8`, column `split`: `nope` is not a split; `train`, `dev` and `test` are\n\
         `table.csv:9`, column `text`: it is not UTF-8\n\
         `table.csv:10`, column `labels`: the row has only 2 fields\n\
         `table.csv:10`, column `split`: the row has only 2 fields\n\
         `table.csv:12`, column `path`: cannot use audio `audio/bad.wav`: it is not wav, flac, ogg or sph \
         (it looks like mp3, or a file with an ID3 tag)\n\
         `table.csv:11`, column `labels`: it has 2 labels, line 2 has 1"
    );
}

#[test]
fn wrong_tables_are_explained() {
    for (table, message) in [
        ("", "cannot use the table `table.csv`: its first line has neither a tab, nor `|`, nor a comma"),
        ("path,text\n", "cannot use the table `table.csv`: it has a header, but no rows"),
        (
            "id,file,sentence\n1,a.wav,x\n",
            "cannot use the table `table.csv`: its first line has 3 fields but names no columns `path` and `text`; \
             without a header a row is a path and a text",
        ),
        (
            "a.wav|x\n",
            "cannot use the table `table.csv`: 1 rows cannot be parted into train, dev and test; add a column `split`",
        ),
    ] {
        assert_eq!(Bench::new(&["a.wav"], table.as_bytes()).refusal(), message);
    }
    let bench = Bench::new(&[], b"a.wav|x\n");
    fs::remove_file(bench.request().table).unwrap();
    assert!(bench.refusal().starts_with("cannot read the table `table.csv`: "));
}

#[test]
fn audio_that_fails_late_is_skipped_and_listed() {
    let bench = Bench::new(&["a.wav"], b"path|text|split\na.wav|x|train\nb.wav|y|train\n");
    // A header says 32-bit float, mono, 16 kHz, one sample; only decoding sees that the sample is NaN.
    let mut wav = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x03\0\x01\0".to_vec();
    wav.extend([16_000u32.to_le_bytes(), 64_000u32.to_le_bytes()].concat());
    wav.extend(b"\x04\0\x20\0data\x04\0\0\0");
    wav.extend(f32::NAN.to_le_bytes());
    fs::write(bench.request().audio_dir.join("b.wav"), wav).unwrap();
    let summary = bench.prepare().unwrap();
    assert_eq!((summary.utterances(), summary.skipped), (1, 1));
    let prefix = format!("{}/", bench.dir.path().display());
    assert_eq!(
        bench.out("bad_files.tsv").replace(&prefix, ""),
        "file\tline\treason\toutcome\n\
         b.wav\t\tsample 0 is not a finite number (named in `table.csv:3`)\tskipped 1 utterance\n"
    );
}

#[test]
fn nothing_is_overwritten() {
    let bench = Bench::new(&["a.wav"], b"path|text|split\na.wav|x|train\n");
    bench.prepare().unwrap();
    let request = TableRequest { lowercase: true, ..bench.request() };
    let error = quietly(&request, &bench.out_dir()).unwrap_err();
    assert!(error.to_string().contains("holds another preparation, of table from"), "{error}");
    assert!(error.help().is_some());
}

#[test]
fn a_trailing_slash_is_no_other_folder() {
    let bench = Bench::new(&["a.wav"], b"path|text|split\na.wav|x|train\n");
    let out = bench.dir.path().join("deep").join("out");
    quietly(&bench.request(), format!("{}/", out.display()).as_ref()).unwrap();
    assert!(out.join("a.flac").is_file());
    let beside: Vec<_> = fs::read_dir(out.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 1);
}

#[test]
fn names_stay_inside_the_folder() {
    let table = b"path|text|split\n.._x.wav|x|train\nsub/../y.wav|y|train\n";
    let bench = Bench::new(&[".._x.wav", "y.wav", "sub/z.wav"], table);
    bench.prepare().unwrap();
    assert_eq!(bench.out("meta.train.txt"), "_x|1600|x\nsub_y|1600|y\n");
    assert!(bench.out_dir().join("sub/sub_y.flac").is_file());
}
