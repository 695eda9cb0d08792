//! A small Vocos with random weights beside the package `vocos` (tests/parity/make_vocos.py), the layout of the published one, pieces beside
//! wholes, and files that are refused.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Sizes, Vocos};
use crate::codec::Codec;
use crate::codec::artifact::Codes;
use crate::codec::golden::{codes_of, layout, near, published};
use crate::model::weights::{Tensors, read_tensors};

/// Frames and levels: of every bandwidth, and numbers of levels that none of them has.
const CASES: [(usize, usize); 8] = [(1, 2), (2, 8), (5, 4), (41, 16), (70, 8), (9, 1), (9, 3), (9, 5)];

fn folder() -> PathBuf {
    crate::checkout().join("tests/parity/vocos")
}

fn outputs() -> Tensors {
    read_tensors(&folder().join("outputs.safetensors")).unwrap()
}

/// Every step of making sound of codes, beside `outputs.safetensors` in the codec's folder, within so much.
fn every_step(folder: &Path, within: [f32; 3]) {
    let codec = Vocos::read(folder).unwrap();
    let outputs = read_tensors(&folder.join("outputs.safetensors")).unwrap();
    let hop = codec.sizes.hop_samples();
    for (frames, levels) in CASES {
        let case = format!("{frames}.{levels}");
        let of = |name: &str| &outputs[&format!("{case}.{name}")].1;
        let codes = codes_of(&outputs, &format!("{case}.codes"));
        let features = codec.features(&codes, 0, frames);
        near(&format!("features of {case}"), &features, of("features"), within[0]);
        let hidden = codec.hidden(features, codec.sizes.bandwidth(levels)).unwrap();
        near(&format!("hidden of {case}"), hidden.as_slice(), of("hidden"), within[1]);
        let decoded = codec.decode(&codes).unwrap();
        assert_eq!(decoded.len(), hop * frames);
        near(&format!("sound of {case}"), &decoded, of("decoded"), within[2]);
    }
}

#[test]
fn every_step_is_as_in_the_package() {
    every_step(&folder(), [1e-6, 1e-5, 1e-5]);
}

#[test]
#[ignore = "reads a model of the published sizes, which make_vocos.py --large writes into the folder vocos of the one that RUNNER_CODEC_FILES names"]
fn every_step_is_as_in_the_package_at_the_published_sizes() {
    every_step(&published("vocos"), [1e-6, 1e-5, 1e-5]);
}

#[test]
fn the_bandwidth_follows_from_the_number_of_levels() {
    let sizes = Vocos::read(&folder()).unwrap().sizes;
    for (levels, id) in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (8, 2), (9, 3), (16, 3)] {
        assert_eq!(sizes.bandwidth(levels), id, "{levels} levels");
    }
}

#[test]
fn pieces_give_what_the_whole_gives() {
    let (codec, outputs) = (Vocos::read(&folder()).unwrap(), outputs());
    assert_eq!(codec.sizes.reach_frames(), 3 + 2 * 3 + 4);
    for case in ["41.16", "70.8"] {
        let codes = codes_of(&outputs, &format!("{case}.codes"));
        for frames in [1, 7, 20, 40, 69] {
            let sound = codec.decode_by(&codes, frames).unwrap();
            near(
                &format!("{case} in pieces of {frames}"),
                &sound,
                &outputs[&format!("{case}.decoded")].1,
                1e-5,
            );
        }
    }
}

#[test]
fn the_published_checkpoint_has_our_tensors_and_sizes() {
    let theirs = layout(&folder().join("layout.tsv"));
    let sizes = Sizes::of(&theirs).unwrap();
    let published = Sizes {
        bandwidths: 4,
        codebooks: 16,
        codebook_size: 1_024,
        latent: 128,
        width: 384,
        inner: 1_152,
        blocks: 8,
        first_taps: 7,
        taps: 7,
        n_fft: 1_280,
    };
    assert_eq!(sizes, published);
    assert_eq!((sizes.hop_samples(), sizes.reach_frames()), (320, 31));
    let codec = Vocos::of(sizes, &theirs, &folder()).unwrap();
    let ours: Vec<&str> = codec.params.iter().map(|param| param.name()).collect();
    let left: Vec<&String> = theirs.keys().filter(|name| !ours.contains(&name.as_str())).collect();
    assert_eq!(left, ["head.istft.window"]);
    let parameters: usize = codec.params.iter().map(|param| param.array().len()).sum();
    // 7.98 million besides the codebooks.
    assert_eq!(parameters - 16 * 1_024 * 128, 7_984_258);
}

#[test]
fn other_models_are_refused() {
    let place = tempfile::tempdir().unwrap();
    fs::copy(folder().join("pytorch_model.bin"), place.path().join("pytorch_model.bin")).unwrap();
    let config = fs::read_to_string(folder().join("config.yaml")).unwrap();
    for (ours, theirs, why) in [
        ("hop_length: 10", "hop_length: 8", "its `head.init_args.hop_length` is 8, not 10"),
        ("padding: same", "padding: center", "its `head.init_args.padding` is \"center\", not \"same\""),
        (
            "[1.5, 3.0, 6.0, 12.0]",
            "[3.0, 6.0, 12.0, 24.0]",
            "its `feature_extractor.init_args.bandwidths` is [3.0,6.0,12.0,24.0], not [1.5,3.0,6.0,12.0]",
        ),
        (
            "vocos.feature_extractors.EncodecFeatures",
            "vocos.feature_extractors.MelSpectrogramFeatures",
            "its `feature_extractor.class_path` is \"vocos.feature_extractors.MelSpectrogramFeatures\", not \
             \"vocos.feature_extractors.EncodecFeatures\"",
        ),
    ] {
        assert!(config.contains(ours));
        fs::write(place.path().join("config.yaml"), config.replace(ours, theirs)).unwrap();
        let said = Vocos::read(place.path()).err().unwrap().to_string();
        assert!(
            said.ends_with(&format!("is no configuration of Vocos for EnCodec's codes: {why}")),
            "{said}"
        );
    }
    // Without settings sizes are those of the tensors.
    fs::remove_file(place.path().join("config.yaml")).unwrap();
    assert!(Vocos::read(place.path()).is_ok());
    let said = Vocos::read(&crate::checkout().join("tests/parity/encodec")).err().unwrap().to_string();
    assert!(
        said.contains("`feature_extractor.codebook_weights` is missing; `backbone.embed.weight` is missing"),
        "{said}"
    );
}

#[test]
fn it_decodes_alone_and_refuses_codes_that_it_does_not_have() {
    let codec = Vocos::read(&folder()).unwrap();
    let refusal = |codes: &Codes| codec.decode(codes).unwrap_err().to_string();
    assert_eq!(refusal(&Codes::new(1, 1, vec![16])), "there is no code 16: codebooks have 16 rows");
    assert_eq!(refusal(&Codes::new(17, 1, vec![0; 17])), "there are 17 levels, and 16 codebooks");
    let said = codec.encode(&[0.5; 40]).unwrap_err().to_string();
    assert_eq!(said, "Vocos decodes alone: EnCodec makes its codes");
}
