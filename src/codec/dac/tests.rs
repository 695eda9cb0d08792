//! Small DACs with random weights beside transformers' and the authors' (tests/parity/make_dac.py), the layouts of the published ones, and pieces
//! beside wholes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernels::Tape;
use serde_json::json;

use super::{DacModel, Sizes, names};
use crate::codec::artifact::{Artifact, Codes, Dac, Kind, Metadata};
use crate::codec::frames::Frames;
use crate::codec::golden::{codes_of, layout, near, published};
use crate::codec::{Codec, CodecError, recording};
use crate::model::weights::{Tensors, read_tensors};

const LENGTHS: [usize; 6] = [1, 7, 8, 9, 400, 1613];
const HOP: usize = 8;

fn folder() -> PathBuf {
    crate::checkout().join("tests/parity/dac")
}

fn codec() -> DacModel {
    DacModel::read(&folder()).unwrap()
}

fn outputs() -> Tensors {
    read_tensors(&folder().join("outputs.safetensors")).unwrap()
}

/// What the encoder makes of sound that is whole frames long, in pieces of so many samples.
fn latent(codec: &DacModel, sound: &[f32], piece: usize) -> Vec<f32> {
    let mut memory = codec.encoder.memory(true);
    let mut latent = Vec::new();
    let pieces: Vec<&[f32]> = sound.chunks(piece).collect();
    for (index, values) in pieces.iter().enumerate() {
        let piece = Frames { values: values.to_vec(), width: 1 };
        let last = index + 1 == pieces.len();
        let made =
            codec.encoder.forward(&codec.params, &mut Tape::silent(), piece, &mut memory, last).unwrap();
        latent.extend(made.values);
    }
    latent
}

/// Every step of coding some sounds, beside `outputs.safetensors` in the codec's folder, within so much.
fn every_step(folder: &Path, lengths: &[usize], within: [f32; 3]) {
    let codec = DacModel::read(folder).unwrap();
    let outputs = read_tensors(&folder.join("outputs.safetensors")).unwrap();
    let hop = codec.hop_samples();
    for &length in lengths {
        let of = |name: &str| &outputs[&format!("{length}.{name}")].1;
        let mut filled = of("sound").clone();
        filled.resize(length.next_multiple_of(hop), 0.0);
        near(&format!("latent of {length}"), &latent(&codec, &filled, usize::MAX), of("latent"), within[0]);
        let codes = codec.encode(of("sound")).unwrap();
        assert_eq!(codes.frames(), length.div_ceil(hop));
        assert_eq!(codes, codes_of(&outputs, &format!("{length}.codes")), "codes of {length}");
        let rows = codec.quantizer.decode(&codec.params, &mut Tape::silent(), &codes, 0..codes.frames());
        near(&format!("rows of {length}"), &rows.unwrap().values, of("quantised"), within[1]);
        let decoded = codec.decode(&codes).unwrap();
        assert_eq!(decoded.len(), hop * codes.frames());
        near(&format!("sound of {length}"), &decoded, of("decoded"), within[2]);
    }
}

#[test]
fn every_step_is_as_in_transformers() {
    every_step(&folder(), &LENGTHS, [1e-5, 5e-6, 1e-5]);
}

#[test]
#[ignore = "reads a model of the published sizes, which make_dac.py --large writes into the folder dac of the one that RUNNER_CODEC_FILES names"]
fn every_step_is_as_in_transformers_at_the_published_sizes() {
    every_step(&published("dac"), &[44_100, 101_295], [1e-5, 5e-6, 1e-5]);
}

#[test]
fn pieces_give_what_the_whole_gives() {
    let (codec, outputs) = (codec(), outputs());
    let mut sound = outputs["1613.sound"].1.clone();
    sound.resize(1616, 0.0);
    let whole = latent(&codec, &sound, usize::MAX);
    for frames in [1, 7, 30, 201, 202] {
        near("latent in pieces", &latent(&codec, &sound, HOP * frames), &whole, 1e-5);
        let codes = codec.encode_by(&outputs["1613.sound"].1, frames).unwrap();
        assert_eq!(codes, codes_of(&outputs, "1613.codes"), "pieces of {frames}");
        let decoded = codec.decode_by(&codes, frames, true).unwrap();
        near("sound in pieces", &decoded, &outputs["1613.decoded"].1, 1e-5);
    }
}

/// The authors' program end to end: their file of weights, whose model has a stage of an odd stride; loudness, codes, and the recording back.
#[test]
fn recordings_are_as_by_the_authors_program() {
    let codec = DacModel::read(&folder().join("authors.pth")).unwrap();
    assert_eq!((codec.rate_hz(), codec.hop_samples(), codec.levels()), (8_000, 6, 3));
    let golden = read_tensors(&folder().join("recordings.safetensors")).unwrap();
    for name in ["whole", "short"] {
        let of = |what: &str| &golden[&format!("{name}.{what}")].1;
        let made = recording::encode(&codec, 8_000, of("sound")).unwrap();
        assert_eq!(made.codes, codes_of(&golden, &format!("{name}.codes")), "{name}");
        let [input_db, chunk_length, padding] = of("notes")[..] else { panic!("three notes") };
        let notes = made.metadata.dac.clone().unwrap();
        assert!((notes.input_db - input_db).abs() < 1e-3, "{name}: {} {input_db}", notes.input_db);
        assert_eq!((notes.chunk_length, notes.channels), (chunk_length as u64, 1), "{name}");
        assert!(notes.padding && padding == 1.0);
        let (rate_hz, samples) = recording::decode(&codec, &made, None).unwrap();
        assert_eq!(rate_hz, 8_000);
        near(name, &samples, of("decoded"), 2e-5);
    }
}

/// Files that were coded in windows without padding are decoded so.
#[test]
fn windows_of_the_authors_program_are_decoded() {
    let codec = DacModel::read(&folder().join("authors.pth")).unwrap();
    let golden = read_tensors(&folder().join("recordings.safetensors")).unwrap();
    let [input_db, chunk_length, padding] = golden["windows.notes"].1[..] else { panic!("three notes") };
    assert!(padding == 0.0);
    let notes = Dac { input_db, chunk_length: chunk_length as u64, channels: 1, padding: false };
    let metadata = Metadata {
        original_length: golden["windows.sound"].1.len() as u64,
        sample_rate: 8_000,
        dac: Some(notes.clone()),
        ..Metadata::default()
    };
    let codes = codes_of(&golden, "windows.codes");
    let artifact = Artifact { kind: Kind::Dac, codes, metadata };
    let (_, samples) = recording::decode(&codec, &artifact, None).unwrap();
    near("windows", &samples, &golden["windows.decoded"].1, 2e-5);
    let refused = |notes: Dac| codec.decode_noted(&artifact.codes, &notes).unwrap_err().to_string();
    assert_eq!(
        refused(Dac { channels: 2, ..notes.clone() }),
        "its notes speak of 2 channels, the codes are of one"
    );
    assert_eq!(
        refused(Dac { input_db: 1e30, ..notes.clone() }),
        "its notes speak of a loudness of 1000000000000000000000000000000 LUFS"
    );
    assert_eq!(refused(Dac { chunk_length: 0, ..notes }), "its notes speak of pieces of no frames");
}

#[test]
fn a_recording_comes_back_at_its_own_rate_and_loudness() {
    let codec = codec();
    let sound: Vec<f32> = (0..20_001).map(|index| 0.01 * (f64::from(index) * 0.2).sin() as f32).collect();
    let made = recording::encode(&codec, 16_000, &sound).unwrap();
    let (_, samples) = recording::decode(&codec, &made, None).unwrap();
    let [before, after] = [&sound, &samples].map(|samples| crate::audio::loudness_lufs(samples, 16_000));
    assert!((before - after).abs() < 0.05, "{before} {after}");
    let made = recording::encode(&codec, 22_050, &sound).unwrap();
    let (rate_hz, samples) = recording::decode(&codec, &made, None).unwrap();
    assert_eq!((rate_hz, samples.len()), (22_050, sound.len()));
    // Without notes, as codes of a model of language are, there is nothing to bring it to.
    let metadata = Metadata { dac: None, ..made.metadata.clone() };
    let (rate_hz, bare) = recording::decode(&codec, &Artifact { metadata, ..made }, Some(1)).unwrap();
    assert_eq!((rate_hz, bare.len()), (16_000, (20_001_usize * 16_000).div_ceil(22_050)));
}

/// Names and long extents.
fn long<'a>(tensors: impl Iterator<Item = (&'a str, Vec<usize>)>) -> BTreeMap<String, Vec<usize>> {
    let long = |shape: Vec<usize>| shape.into_iter().filter(|&extent| extent != 1).collect();
    tensors.map(|(name, shape)| (name.to_owned(), long(shape))).collect()
}

#[test]
fn the_published_checkpoints_have_our_tensors_and_no_others() {
    let of_16_khz = json!({"kwargs": {
        "encoder_rates": [2, 4, 5, 8], "decoder_rates": [8, 5, 4, 2], "n_codebooks": 12, "sample_rate": 16_000,
        "latent_dim": null, "quantizer_dropout": 0.5}});
    for (sizes, hop, tables) in [
        (Sizes::default(), 512, &["layout.tsv", "layout_authors.tsv"][..]),
        (Sizes::of_metadata(&of_16_khz).unwrap(), 320, &["layout_authors_16khz.tsv"]),
    ] {
        assert_eq!(sizes.hop_samples(), hop);
        let codec = DacModel::draw(sizes.clone(), 0).unwrap();
        for table in tables {
            let theirs = names::ours(layout(&folder().join(table)), &sizes);
            let theirs = long(theirs.iter().map(|(name, (shape, _))| (name.as_str(), shape.clone())));
            assert_eq!(long(codec.tensors()), theirs, "{table}");
        }
        if hop == 512 {
            let parameters: usize = codec.params.iter().map(|param| param.array().len()).sum();
            // 76.65 million with the lengths beside directions.
            assert!((76_600_000..76_660_000).contains(&parameters), "{parameters}");
        }
    }
}

/// Loud, paused, soft and loud again, by pyloudnorm.
#[test]
fn loudness_is_pyloudnorms() {
    let golden = read_tensors(&folder().join("loudness.safetensors")).unwrap();
    let loudness = crate::audio::loudness_lufs(&golden["sound"].1, 8_000);
    assert!((loudness - f64::from(golden["lufs"].1[0])).abs() < 1e-4, "{loudness}");
}

#[test]
fn bandwidths_are_levels() {
    let levels = |kbps| codec().with_bandwidth(kbps).map(|codec| codec.levels());
    // 4 bits for each of 2,000 frames a second.
    assert_eq!((levels(None).unwrap(), levels(Some(16.0)).unwrap(), levels(Some(99.0)).unwrap()), (3, 2, 3));
    assert!(matches!(levels(Some(7.9)), Err(CodecError::Bandwidth { .. })));
}

#[test]
fn other_models_are_refused() {
    for (config, words) in [
        (json!({"model_type": "encodec"}), "its `model_type` is not \"dac\""),
        (json!({"encoder_hidden_size": 0}), "its `encoder_hidden_size` is no size"),
        (json!({"downsampling_ratios": [1, 512]}), "its `downsampling_ratios` are no strides"),
        (
            json!({"upsampling_ratios": [8, 8]}),
            "its `downsampling_ratios` and `upsampling_ratios` have different products",
        ),
        (json!({"decoder_hidden_size": 8}), "its `decoder_hidden_size` cannot be halved 4 times"),
        (
            json!({"downsampling_ratios": [64, 64, 64], "upsampling_ratios": [64, 64, 64]}),
            "its `downsampling_ratios` make frames of 262144 samples",
        ),
        (json!({"sampling_rate": 3}), "its `sampling_rate` is none"),
        (json!({"n_codebooks": 99}), "its `n_codebooks` is more than 32"),
    ] {
        assert_eq!(Sizes::of_config(&config), Err(words.to_owned()));
    }
    assert_eq!(Sizes::of_config(&json!({"hop_length": 512})), Ok(Sizes::default()));
}

#[test]
fn codes_that_it_does_not_have_are_refused() {
    let codec = codec();
    let refusal = |codes: &Codes| codec.decode(codes).unwrap_err().to_string();
    assert_eq!(refusal(&Codes::new(1, 2, vec![3, 16])), "there is no code 16: codebooks have 16 rows");
    assert_eq!(refusal(&Codes::new(4, 1, vec![0; 4])), "there are 4 levels, and 3 codebooks");
    assert_eq!(codec.encode(&[]).unwrap_err().to_string(), "there are no samples");
}
