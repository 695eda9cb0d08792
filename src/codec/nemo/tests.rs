//! A small codec with random weights beside the formula in PyTorch (tests/parity/make_nemo.py), the layout of the published one, pieces beside
//! wholes, and files that are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Nemo, Piece, Sizes, declared, pieces};
use crate::codec::artifact::Codes;
use crate::codec::golden::{codes_of, layout, near, published};
use crate::codec::{Codec, weight_norm};
use crate::model::torch::tarred;
use crate::model::weights::{Tensors, read_tensors, write_tensors};

/// As many as have to be there for edges to be mirrored, one sample more, and many frames and a rest.
const LENGTHS: [usize; 4] = [36, 37, 200, 613];

fn folder() -> PathBuf {
    crate::checkout().join("tests/parity/nemo")
}

fn codec() -> Nemo {
    Nemo::read(&folder()).unwrap()
}

fn outputs() -> Tensors {
    read_tensors(&folder().join("outputs.safetensors")).unwrap()
}

/// Every step of coding some sounds, beside `outputs.safetensors` in the codec's folder, within so much.
fn every_step(folder: &Path, lengths: &[usize], within: [f32; 2]) {
    let codec = Nemo::read(folder).unwrap();
    let outputs = read_tensors(&folder.join("outputs.safetensors")).unwrap();
    for &length in lengths {
        let of = |name: &str| &outputs[&format!("{length}.{name}")].1;
        let frames = length.div_ceil(codec.hop_samples());
        let whole = Piece { from: 0, first: 0, end: frames, to: frames };
        let latent = codec.latent(of("sound"), &whole).unwrap();
        near(&format!("latent of {length}"), &latent, of("latent"), within[0]);
        let codes = codec.encode(of("sound")).unwrap();
        assert_eq!(codes, codes_of(&outputs, &format!("{length}.codes")), "codes of {length}");
        let values = codec.values(&codes, &whole).unwrap();
        assert_eq!(&values.to_vec(), of("values"), "values of {length}");
        let decoded = codec.decode(&codes).unwrap();
        near(&format!("sound of {length}"), &decoded, of("decoded"), within[1]);
    }
}

#[test]
fn every_step_is_as_the_formula_in_pytorch_has_it() {
    every_step(&folder(), &LENGTHS, [1e-5, 1e-5]);
    // What would be beyond full scale has been cut to it, in both.
    assert!(outputs()["613.decoded"].1.iter().any(|sample| sample.abs() == 1.0));
}

#[test]
#[ignore = "reads a model of the published sizes, which make_nemo.py --large writes into the folder nemo of the one that RUNNER_CODEC_FILES names"]
fn every_step_is_as_the_formula_has_it_at_the_published_sizes() {
    every_step(&published("nemo"), &[44_100, 101_295], [1e-5, 1e-5]);
}

#[test]
fn pieces_give_what_the_whole_gives() {
    let (codec, outputs) = (codec(), outputs());
    let sound = &outputs["613.sound"].1;
    let codes = codes_of(&outputs, "613.codes");
    for frames in [1, 7, 20, 50, 102] {
        assert_eq!(codec.encode_by(sound, frames).unwrap(), codes, "pieces of {frames}");
        let decoded = codec.decode_by(&codes, frames).unwrap();
        near(&format!("sound in pieces of {frames}"), &decoded, &outputs["613.decoded"].1, 1e-5);
    }
    // Beside an hour's pieces lies what layers see, and no more.
    let (_, [encoder, decoder]) = declared(&Sizes::published());
    for (reach, beside, least) in [(encoder.reach(1, 512), 14, 4), (decoder.reach(512, 512), 15, 4)] {
        assert_eq!((reach.samples.div_ceil(512), reach.least_frames), (beside, least));
        let longest =
            pieces(310_000, super::PIECE_FRAMES, reach, 512).map(|piece| piece.to - piece.from).max();
        assert_eq!(longest, Some(super::PIECE_FRAMES + 2 * beside));
    }
}

#[test]
fn a_sound_too_short_to_be_mirrored_is_filled_up_with_silence() {
    let (codec, outputs) = (codec(), outputs());
    let sound = &outputs["37.sound"].1;
    for length in [1, 5, 6, 7, 30, 35] {
        let mut filled = sound[..length].to_vec();
        filled.resize(36, 0.0);
        let frames = length.div_ceil(6);
        let (short, long) = (codec.encode(&sound[..length]).unwrap(), codec.encode(&filled).unwrap());
        for level in 0..2 {
            assert_eq!(short.level(level), &long.level(level)[..frames], "{length} samples");
        }
        assert_eq!(codec.decode(&short).unwrap().len(), 6 * frames);
    }
    assert_eq!(codec.encode(&[]).unwrap_err().to_string(), "there are no samples");
}

#[test]
fn the_published_checkpoint_has_our_tensors_and_sizes() {
    let mut theirs = layout(&folder().join("layout.tsv"));
    let levels = theirs.iter_mut().filter(|(name, _)| name.ends_with("num_levels"));
    levels.for_each(|(_, (_, values))| *values = vec![8.0, 5.0, 5.0, 5.0]);
    let parameters = |side: &str| {
        let parts = theirs.iter().filter(|(name, _)| name.starts_with(side));
        parts.map(|(_, (_, values))| values.len()).sum::<usize>()
    };
    // 61.9 million, lengths beside directions counted.
    assert_eq!((parameters("audio_encoder."), parameters("audio_decoder.")), (30_941_296, 30_948_986));
    let plain = weight_norm::folded(theirs);
    let sizes = Sizes::of(&plain).unwrap();
    assert_eq!(sizes, Sizes::published());
    assert_eq!((sizes.hop_samples(), sizes.latent(), sizes.codebook_size()), (512, 32, 1_000));
    let codec = Nemo::of(sizes, &plain, &folder()).unwrap();
    assert_eq!((codec.levels(), codec.rate_hz(), codec.hop_samples()), (8, 44_100, 512));
    let ours: BTreeMap<&str, usize> =
        codec.params.iter().map(|param| (param.name(), param.array().len())).collect();
    let left: Vec<&String> = plain.keys().filter(|name| !ours.contains_key(name.as_str())).collect();
    assert_eq!(left.len(), 2 * 8, "besides the quantiser's buffers: {left:?}");
}

fn save(tensors: &Tensors, to: &Path) {
    let shaped = tensors.iter().map(|(name, (dims, values))| {
        let shape = match dims[..] {
            [a] => [a].into(),
            [a, b] => [a, b].into(),
            [a, b, c] => [a, b, c].into(),
            _ => panic!("no codec has tensors of {dims:?}"),
        };
        (name.clone(), shape, values.clone())
    });
    write_tensors(&shaped.collect::<Vec<_>>(), BTreeMap::new(), &mut fs::File::create(to).unwrap()).unwrap();
}

#[test]
fn the_same_tensors_are_read_from_every_container_and_by_both_names_of_weight_norm() {
    let place = tempfile::tempdir().unwrap();
    let archive = fs::read(folder().join("small.nemo")).unwrap();
    let at = |needle: &[u8]| archive.windows(needle.len()).position(|window| window == needle).unwrap();
    let checkpoint = place.path().join("model_weights.ckpt");
    fs::write(&checkpoint, &archive[at(b"PK\x03\x04")..at(b"PK\x05\x06") + 22]).unwrap();
    let newer = place.path().join("newer.safetensors");
    let tensors = tarred::read(&folder().join("small.nemo")).unwrap().tensors.into_iter();
    let tensors: Tensors = tensors
        .map(|(name, tensor)| {
            let name = name
                .replace("weight_g", "parametrizations.weight.original0")
                .replace("weight_v", "parametrizations.weight.original1");
            (name, tensor)
        })
        .collect();
    save(&tensors, &newer);
    let bare = place.path().join("bare.safetensors");
    let without = |name: &&String| !name.starts_with("vector_quantizer.");
    let left: Vec<String> = tensors.keys().filter(without).cloned().collect();
    save(&left.into_iter().map(|name| (name.clone(), tensors[&name].clone())).collect(), &bare);
    let outputs = outputs();
    for file in [checkpoint, newer, bare] {
        let codec = Nemo::read(&file).unwrap();
        assert_eq!(
            codec.encode(&outputs["200.sound"].1).unwrap(),
            codes_of(&outputs, "200.codes"),
            "{file:?}"
        );
    }
}

#[test]
fn what_does_not_fit_is_named_all_at_once() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x.safetensors");
    let refused = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = tarred::read(&folder().join("small.nemo")).unwrap().tensors;
        change(&mut tensors);
        save(&tensors, &file);
        Nemo::read(&file).err().unwrap().to_string().replace(&file.display().to_string(), "x")
    };
    let said = refused(&|tensors| {
        tensors.remove("audio_encoder.res_layers.1.res_blocks.0.res_blocks.2.skip_conv.conv.bias");
        tensors.insert("audio_decoder.post_conv.conv.bias".into(), (vec![2], vec![0.0; 2]));
    });
    assert_eq!(
        said,
        "`x` does not fit the model: `audio_encoder.res_layers.1.res_blocks.0.res_blocks.2.skip_conv.conv.bias` is missing; \
         `audio_decoder.post_conv.conv.bias` is [2] there and [1] here"
    );
    let said = refused(&|tensors| {
        tensors.remove("audio_encoder.pre_conv.conv.weight_v");
        tensors.insert("vector_quantizer.fsqs.1.num_levels".into(), (vec![1], vec![0.5]));
    });
    assert_eq!(
        said,
        "`x` does not fit the model: `audio_encoder.pre_conv.conv.weight` is missing; `vector_quantizer.fsqs.1.num_levels` holds no numbers of \
         levels"
    );
    let said = refused(&|tensors| {
        tensors.insert("vector_quantizer.fsqs.1.num_levels".into(), (vec![1, 3, 1], vec![8.0, 5.0, 5.0]));
    });
    assert_eq!(said, "`x` does not fit the model: 7 dimensions are quantised, and a frame has 8");
    let said = refused(&|tensors| {
        let values = vec![8.0, 5.0, 5.0, 6.0];
        tensors.insert("vector_quantizer.fsqs.0.num_levels".into(), (vec![1, 4, 1], values));
    });
    assert!(said.contains("its quantiser is not of at most 8 groups with up to 1000 codes each"), "{said}");
    // A first convolution as wide as that would make the others too large for any memory; it is refused before there is room for them.
    let said = refused(&|tensors| {
        let wide = 1 << 20;
        for (part, shape) in
            [("weight_g", vec![wide, 1, 1]), ("weight_v", vec![wide, 1, 7]), ("bias", vec![wide])]
        {
            let values = vec![0.5; shape.iter().product()];
            tensors.insert(format!("audio_encoder.pre_conv.conv.{part}"), (shape, values));
        }
    });
    assert!(said.contains("is [4, 4, 3] there and [1048576, 1048576, 3] here"), "{said}");
}

#[test]
fn an_archive_of_another_codec_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let archive = fs::read(folder().join("small.nemo")).unwrap();
    for (ours, theirs, why) in [
        ("sample_rate: 44100", "sample_rate: 22050", "its `sample_rate` is 22050, not 44100"),
        ("samples_per_frame: 6", "samples_per_frame: 7", "its `samples_per_frame` is 7, not 6"),
        (
            "  output_activation: clamp",
            "  output_activation: tanh ",
            "its `audio_decoder.output_activation` is \"tanh\", not \"clamp\"",
        ),
    ] {
        let at = archive.windows(ours.len()).position(|window| window == ours.as_bytes()).unwrap();
        let mut other = archive.clone();
        other[at..at + ours.len()].copy_from_slice(theirs.as_bytes());
        let file = place.path().join("other.nemo");
        fs::write(&file, other).unwrap();
        let said = Nemo::read(&file).err().unwrap().to_string();
        assert!(said.ends_with(&format!("is no configuration of NeMo's codec at 44.1 kHz: {why}")), "{said}");
    }
}

#[test]
fn codes_that_it_does_not_have_are_refused() {
    let codec = codec();
    let refusal = |codes: &Codes| codec.decode(codes).unwrap_err().to_string();
    assert_eq!(refusal(&Codes::new(2, 1, vec![3, 1_000])), "there is no code 1000: codebooks have 1000 rows");
    assert_eq!(refusal(&Codes::new(3, 1, vec![0; 3])), "there are 3 levels, and 2 codebooks");
    let said = refusal(&Codes::new(1, 1, vec![0]));
    assert_eq!(said, "there are 1 levels, and all 2 are needed: none refines another");
    let said = codec.encode(&[f32::NAN; 40]).unwrap_err().to_string();
    assert_eq!(said, "the sound has become NaN within the encoder");
}
