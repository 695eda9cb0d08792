//! A small EnCodec with random weights beside transformers' (tests/parity/make_encodec.py), the layout of the published one, and pieces beside
//! wholes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernels::Tape;
use serde_json::json;

use super::{Encodec, Sizes, names};
use crate::audio::resample_by_sinc;
use crate::codec::Codec;
use crate::codec::artifact::Codes;
use crate::codec::frames::Frames;
use crate::codec::golden::{codes_of, layout, near, published};
use crate::model::weights::read_tensors;

const LENGTHS: [usize; 6] = [1, 7, 10, 11, 400, 613];

fn folder() -> PathBuf {
    crate::checkout().join("tests/parity/encodec")
}

/// What the encoder makes of sound, in pieces of so many samples.
fn latent(codec: &Encodec, sound: &[f32], piece: usize) -> Vec<f32> {
    let mut memory = codec.encoder.memory();
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

fn codec() -> Encodec {
    Encodec::read(&folder()).unwrap().with_levels(3).unwrap()
}

/// Every step of coding some sounds, beside `outputs.safetensors` in the codec's folder, within so much.
fn every_step(folder: &Path, levels: usize, lengths: &[usize], within: [f32; 3]) {
    let codec = Encodec::read(folder).unwrap().with_levels(levels).unwrap();
    let outputs = read_tensors(&folder.join("outputs.safetensors")).unwrap();
    let hop = codec.hop_samples();
    for &length in lengths {
        let of = |name: &str| &outputs[&format!("{length}.{name}")].1;
        near(
            &format!("latent of {length}"),
            &latent(&codec, of("sound"), usize::MAX),
            of("latent"),
            within[0],
        );
        let codes = codec.encode(of("sound")).unwrap();
        assert_eq!(codes.frames(), length.div_ceil(hop));
        assert_eq!(codes, codes_of(&outputs, &format!("{length}.codes")), "codes of {length}");
        let quantised = codec.quantizer.decode(&codec.params, &codes, 0..codes.frames());
        near(&format!("rows of {length}"), &quantised.values, of("quantised"), within[1]);
        let decoded = codec.decode(&codes).unwrap();
        assert_eq!(decoded.len(), hop * codes.frames());
        near(&format!("sound of {length}"), &decoded, of("decoded"), within[2]);
    }
}

#[test]
fn every_step_is_as_in_transformers() {
    every_step(&folder(), 3, &LENGTHS, [2e-6, 1e-6, 2e-6]);
}

#[test]
#[ignore = "reads a model of the published sizes, which make_encodec.py --large writes into the folder encodec of the one that RUNNER_CODEC_FILES names"]
fn every_step_is_as_in_transformers_at_the_published_sizes() {
    every_step(&published("encodec"), 8, &[24_000, 55_127], [2e-6, 1e-6, 2e-6]);
}

#[test]
fn pieces_give_what_the_whole_gives() {
    let codec = codec();
    let outputs = read_tensors(&folder().join("outputs.safetensors")).unwrap();
    let sound = &outputs["613.sound"].1;
    let whole = latent(&codec, sound, usize::MAX);
    for frames in [7, 8, 30, 61] {
        near("latent in pieces", &latent(&codec, sound, 10 * frames), &whole, 2e-6);
        let codes = codec.encode_by(sound, frames).unwrap();
        assert_eq!(codes, codes_of(&outputs, "613.codes"), "pieces of {frames}");
        near("sound in pieces", &codec.decode_by(&codes, frames).unwrap(), &outputs["613.decoded"].1, 2e-6);
    }
}

#[test]
fn the_published_checkpoint_has_our_tensors_by_either_names() {
    let codec = Encodec::draw(Sizes::default(), 0).unwrap();
    let ours: BTreeMap<&str, Vec<usize>> = codec.tensors().collect();
    for table in ["layout.tsv", "layout_authors.tsv"] {
        let theirs = names::ours(layout(&folder().join(table)));
        for (name, shape) in &ours {
            assert_eq!(theirs.get(*name).map(|(shape, _)| shape), Some(shape), "{table}: {name}");
        }
        // What is left over are averages of training.
        let other = |name: &&String| !ours.contains_key(name.as_str());
        let left: Vec<&String> = theirs.keys().filter(other).collect();
        assert!(left.iter().all(|name| name.contains(".codebook.")), "{table}: {left:?}");
        assert_eq!(left.len(), 3 * 32, "{table}");
    }
    let parameters: usize = ours.values().map(|shape| shape.iter().product::<usize>()).sum();
    // Besides the quantiser, whose codebooks have 4.19 million: 14,851,810, of which 4,993 are lengths beside directions.
    assert_eq!(parameters - 32 * 1024 * 128, 14_851_810 - 4_993);
}

#[test]
fn resampling_is_torchaudios() {
    let golden = read_tensors(&folder().join("resampled.safetensors")).unwrap();
    for rate in [44_100, 22_050, 16_000, 48_000, 11_025] {
        let resampled = resample_by_sinc(&golden[&format!("{rate}.sound")].1, rate, 24_000).unwrap();
        near(&format!("from {rate} Hz"), &resampled, &golden[&format!("{rate}.resampled")].1, 1e-6);
    }
}

#[test]
fn bandwidths_are_levels() {
    let sizes = Sizes::default();
    for (kbps, levels) in
        [(0.75, 1), (1.5, 2), (3.0, 4), (6.0, 8), (12.0, 16), (24.0, 32), (48.0, 32), (7.0, 9)]
    {
        assert_eq!(sizes.levels(kbps).unwrap(), levels, "{kbps}");
    }
    let refused = sizes.levels(0.5).err().unwrap().to_string();
    assert_eq!(refused, "a bandwidth of 0.5 kbps is below that of one level, 0.75 kbps");
    assert_eq!(sizes.hop_samples(), 320);
}

#[test]
fn other_models_are_refused() {
    for (config, words) in [
        (json!({"model_type": "dac"}), "its `model_type` is not \"encodec\""),
        (json!({"audio_channels": 2}), "its `audio_channels` is not 1"),
        (json!({"use_causal_conv": false}), "its `use_causal_conv` is not true"),
        (json!({"num_filters": 0}), "its `num_filters` is no size"),
        (json!({"upsampling_ratios": [0]}), "its `upsampling_ratios` are no strides"),
        (json!({"codebook_dim": 64}), "its `codebook_dim` is not its `hidden_size`"),
        (json!({"sampling_rate": 3}), "its `sampling_rate` is none"),
    ] {
        assert_eq!(Sizes::of(&config), Err(words.to_owned()));
    }
    assert_eq!(
        Sizes::of(&json!({"trim_right_ratio": 1, "target_bandwidths": [1.5, 24.0]})),
        Ok(Sizes::default())
    );
}

#[test]
fn codes_that_it_does_not_have_are_refused() {
    let codec = codec();
    let refusal = |codes: &Codes| codec.decode(codes).unwrap_err().to_string();
    assert_eq!(refusal(&Codes::new(1, 2, vec![3, 16])), "there is no code 16: codebooks have 16 rows");
    assert!(refusal(&Codes::new(40, 1, vec![0; 40])).starts_with("there are 40 levels, and "));
    assert_eq!(codec.encode(&[]).unwrap_err().to_string(), "there are no samples");
}
