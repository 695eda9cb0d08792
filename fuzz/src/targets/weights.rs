//! Weights: safetensors, PyTorch's two forms with the pickles inside, published SaShiMi, NeMo's archives, folders in Hugging Face's layout.

use std::fs;
use std::path::Path;

use kernels::Cpu;
use runner::codec::nemo::Nemo;
use runner::model::sashimi::published;
use runner::model::weights::{load_pretrained, read_tensors};
use runner::nn::Params;

use super::said;
use crate::{Target, bundle, repair};

const PICKLE: &[&str] = &[
    "\u{80}\x02",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch\nFloatStorage\n",
    "ccollections\nOrderedDict\n",
    "cos\nsystem\n",
    "(",
    ")",
    "t",
    "R",
    "Q",
    "q\0",
    "h\0",
    "}",
    "]",
    "u",
    "s",
    "e",
    "a",
    "b",
    ".",
    "2",
    "0",
    "K\x01",
    "M\0\x01",
    "J\0\0\0\x01",
    "X\x01\0\0\0x",
    "N",
    "model",
    "cfg_yaml",
    "hyper_parameters",
    "l\n",
    "d",
    "1",
];
const HEADER: &[&str] = &[
    "{",
    "}",
    "\"dtype\":\"F32\"",
    "\"dtype\":\"BF16\"",
    "\"shape\":[",
    "\"data_offsets\":[",
    "]",
    ",",
    "\"__metadata__\":{",
    "\0\0\0\0\0\0\0",
];

pub fn targets() -> Vec<Target> {
    vec![
        Target {
            name: "safetensors",
            seeds: &["tests/parity/waveforms.safetensors"],
            words: HEADER,
            repair: header,
            run: tensors,
            most_bytes: 64 << 10,
        },
        Target {
            name: "torch",
            seeds: &[
                "tests/parity/torch/older.pt",
                "tests/parity/torch/bare.bin",
                "tests/parity/torch/model.ckpt-7",
            ],
            words: PICKLE,
            repair: repair::zip,
            run: tensors,
            most_bytes: 64 << 10,
        },
        Target {
            name: "sashimi",
            seeds: &["tests/parity/sashimi/first.pt", "tests/parity/sashimi/third.ckpt"],
            words: PICKLE,
            repair: repair::zip,
            run: sashimi,
            most_bytes: 128 << 10,
        },
        Target {
            name: "nemo",
            seeds: &["tests/parity/nemo/small.nemo"],
            words: &[
                "ustar\0",
                "model_weights.ckpt\0",
                "./model_config.yaml\0",
                "00000000017\0",
                "77777777777\0",
                "\u{80}\0\0\0",
                "sample_rate: 44100\n",
                "PK\x01\x02",
                "PK\x05\x06",
                "x",
                "5",
            ],
            repair: repair::tar,
            run: nemo,
            most_bytes: 160 << 10,
        },
        Target {
            name: "hub",
            seeds: &[],
            words: &[
                "=== config.json\n",
                "=== model.safetensors.index.json\n",
                "weight_map",
                "..",
                "/",
                "model.safetensors",
            ],
            repair: repair::none,
            run: hub,
            most_bytes: 32 << 10,
        },
    ]
}

/// The header's length at the front, made right in most cases.
fn header(bytes: &mut [u8]) {
    let Some(end) = bytes.iter().rposition(|&byte| byte == b'}') else { return };
    if end >= 8 && !bytes.len().is_multiple_of(4) {
        let length = (end + 1 - 8) as u64;
        bytes[..8].copy_from_slice(&length.to_le_bytes());
    }
}

fn tensors(place: &Path, bytes: &[u8]) -> String {
    let file = place.join("weights");
    fs::write(&file, bytes).expect("a file");
    let read = read_tensors(&file);
    if let Ok(tensors) = &read {
        let sound =
            |(shape, values): &(Vec<usize>, Vec<f32>)| shape.iter().product::<usize>() == values.len();
        assert!(tensors.values().all(sound), "a tensor of another size than it says");
    }
    said(read)
}

fn sashimi(place: &Path, bytes: &[u8]) -> String {
    let file = place.join("weights");
    fs::write(&file, bytes).expect("a file");
    said(published::read(&file))
}

fn nemo(place: &Path, bytes: &[u8]) -> String {
    let file = place.join("weights.nemo");
    fs::write(&file, bytes).expect("a file");
    said(Nemo::read(&file))
}

fn hub(place: &Path, bytes: &[u8]) -> String {
    for (name, bytes) in
        bundle::files(bytes, &["config.json", "model.safetensors.index.json", "a.safetensors"])
    {
        fs::write(place.join(name), bytes).expect("a file");
    }
    let mut none = Params::draw(&Cpu::default(), &[], 0).expect("no parameters");
    said(load_pretrained(&mut none, place, |_| true))
}
