//! From sound to batches: goldens made by make_waveforms.py (Hugging Face's feature extractor) and make_data.py (the reference's rules).

use std::path::Path;
use std::sync::Arc;

use runner::corpora::{Corpus, MetaFormat};
use runner::data::{Batch, Encoder, Labels, Limits, Loader, Position, Spelling, Stream, eval_batches, pack};
use runner::plan::{Behaviour, DataFormat, DataPlan, Labelling, LengthBounds};
use runner::text::CtcTokenizer;
use serde_json::Value as Json;

use super::{golden_tensors, golden_text, numbers};

#[test]
fn waveforms_are_normalised_and_padded_as_the_feature_extractor_does() {
    let golden = golden_tensors("waveforms.safetensors");
    let (dims, want) = &golden["input_values"];
    let mask = &golden["attention_mask"].1;
    let labels = Labels { text: String::new(), symbols: Vec::new(), chars: 0, classes: Vec::new() };
    let rows: Vec<Vec<f32>> = (0..dims[0]).map(|row| golden[&format!("raw.{row}")].1.clone()).collect();
    let utterances = rows.iter().map(|raw| {
        let mut waveform = raw.clone();
        runner::audio::normalise(&mut waveform);
        (String::new(), Arc::from(waveform), labels.clone())
    });
    let batch = Batch::collate(utterances.collect());
    assert_eq!([batch.len(), batch.padded_samples], dims[..]);
    for (row, raw) in rows.iter().enumerate() {
        let places = row * dims[1]..(row + 1) * dims[1];
        assert_eq!(batch.samples[row] as f32, mask[places.clone()].iter().sum::<f32>());
        // Where the mean is far above the deviation, the extractor's own single precision costs it digits.
        let mean = raw.iter().sum::<f32>() / raw.len() as f32;
        let deviation = (raw.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / raw.len() as f32).sqrt();
        let largest = want[places.clone()].iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let tolerance = if mean.abs() > 10.0 * deviation { 1e-4 * largest } else { 2e-6 };
        for (at, (got, want)) in batch.waveforms[places.clone()].iter().zip(&want[places]).enumerate() {
            assert!((got - want).abs() <= tolerance, "row {row}, sample {at}: {got} for {want}");
        }
    }
}

#[test]
fn batches_are_packed_as_the_reference_packs_them() {
    let table = golden_text("packing.tsv");
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [size, frames, quad_frames, lengths, sizes] = cells[..] else { panic!("five cells: {row}") };
        let limits = Limits {
            size: size.parse().unwrap(),
            frames: frames.parse().unwrap(),
            quad_frames: quad_frames.parse().unwrap(),
        };
        let lengths: Vec<usize> = numbers(lengths);
        let batches = pack(&lengths, limits);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), numbers::<usize>(sizes), "{row}");
        assert_eq!(batches.concat(), (0..lengths.len()).collect::<Vec<_>>(), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 150);
}

/// A corpus of silence with the names, lengths and texts of a case.
fn write_corpus(dir: &Path, case: &Json) {
    let mut meta = String::new();
    for utterance in case["utterances"].as_array().expect("a list") {
        let (name, text) = (utterance[0].as_str().unwrap(), utterance[2].as_str().unwrap());
        let samples = utterance[1].as_u64().unwrap();
        let format = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(dir.join(format!("{name}.wav")), format).unwrap();
        (0..samples).for_each(|_| wav.write_sample(0i16).unwrap());
        wav.finalize().unwrap();
        meta += &format!("{name}|{samples}|{text}\n");
    }
    std::fs::write(dir.join("meta.txt"), meta).unwrap();
}

fn loader(dir: &Path, plan: &DataPlan) -> Loader {
    let json = r#"{"[PAD]": 0, "x": 1, "|": 2, "[UNK]": 3}"#;
    let tokenizer = CtcTokenizer::from_json(Path::new("vocab.json"), json).unwrap();
    let encoder = Encoder::new(plan, Some(Spelling { tokenizer, outputs: 6 }), None);
    let corpus = Corpus::open(dir, "meta.txt", MetaFormat::Nlt).unwrap();
    Loader::new(vec![(corpus, 1.0)], &encoder, plan, 1, 1.0).unwrap()
}

fn data_plan(case: &Json) -> DataPlan {
    let size = |key: &str| case[key].as_u64().expect(key) as usize;
    let filters = case["filters"].as_bool().unwrap();
    DataPlan {
        dir: String::new(),
        train_meta: String::new(),
        mix: Vec::new(),
        dev_meta: String::new(),
        test_meta: String::new(),
        format: DataFormat::Nlt,
        vocab_path: String::new(),
        categories_path: String::new(),
        sample_rate_hz: 16_000,
        bucket_size: size("bucket_size"),
        shuffle: case["shuffle"].as_bool().unwrap(),
        order: Behaviour::Reference,
        batch_size: size("batch_size"),
        batch_frame_limit: case["frames"].as_f64().unwrap(),
        batch_quad_frame_limit: case["quad_frames"].as_f64().unwrap(),
        warmup: LengthBounds {
            steps: if filters { u64::MAX } else { 0 },
            samples: Some((size("low"), size("high"))),
            chars_above: size("chars_above"),
        },
        max_input_samples: usize::MAX,
        partial: 1.0,
        remove_unk: true,
        replace_apos: true,
        upper_only: false,
        clips: None,
        labelling: Labelling::OnePerHead,
        mixup: 0.0,
        normalise: true,
        feature_cache: None,
    }
}

fn names(batches: &Json) -> Vec<Vec<String>> {
    serde_json::from_value(batches.clone()).expect("batches of names")
}

#[test]
fn utterances_and_batches_come_in_the_references_order_and_a_late_start_changes_nothing() {
    let golden: Json = serde_json::from_str(&golden_text("feeder.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let (title, dir) = (&case["title"], tempfile::tempdir().unwrap());
        write_corpus(dir.path(), case);
        let (plan, seed) = (data_plan(case), case["seed"].as_u64().unwrap());
        assert!(case["wraps"].as_u64() >= Some(3), "{title}");
        let want = names(&case["batches"]);
        let from = |position| Stream::new(loader(dir.path(), &plan), &plan, seed, 2, position);
        let (mut stream, mut positions) = (from(Position::default()), vec![Position::default()]);
        for (index, want) in want.iter().enumerate() {
            let (batch, position) = stream.next_batch().unwrap();
            assert_eq!(&batch.names, want, "{title}, batch {index}");
            positions.push(position);
        }
        for (done, position) in positions.iter().enumerate().take(want.len()).step_by(3) {
            let mut stream = from(*position);
            for (index, want) in want.iter().enumerate().skip(done).take(8) {
                assert_eq!(&stream.next_batch().unwrap().0.names, want, "{title}, {index} after {done}");
            }
        }
        let batches = eval_batches(&mut loader(dir.path(), &plan), &plan, usize::MAX, &|| false).unwrap();
        let got: Vec<Vec<String>> = batches.into_iter().map(|batch| batch.names).collect();
        assert_eq!(got, names(&case["evaluation"]), "{title}, evaluation");
    }
}
