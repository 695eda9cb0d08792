//! Kaldi's filterbank of ten seconds of sound, beside torchaudio's. On one thread whatever there are: clips go side by side.

use std::collections::BTreeMap;

use kernels::Cpu;
use kernels::on_files::{Named, Tensors, Work};
use runner::audio::features::{KaldiFbank, KaldiSizes};

use crate::cases::{Case, noise};
use crate::models::timed;
use crate::ours::Subject;

const SAMPLES: usize = 160_000;

pub fn case() -> Case {
    // For each of 998 frames a real transform of 512, and 256 bins in two triangles each.
    let flops = 998.0 * (2.5 * 512.0 * 9.0 + 4.0 * 256.0);
    Case {
        kind: "kaldi_fbank",
        size: "10 s at 16 kHz, 128 bands".to_owned(),
        settings: BTreeMap::new(),
        tensors: |_| vec![("waveform".to_owned(), vec![SAMPLES], noise(6, SAMPLES, 0.5))],
        extents: vec![("waveform", vec![SAMPLES])],
        forward: Work { flops, bytes: 4.0 * (SAMPLES + 998 * 128) as f64 },
        training: None,
        torch_trains: false,
    }
}

/// A front end and what it hears.
pub struct Features {
    front: KaldiFbank,
    waveform: Vec<f32>,
}

impl Features {
    pub fn new(mut tensors: Tensors) -> Self {
        let front = KaldiFbank::new(&KaldiSizes::default()).expect("the defaults");
        Features { front, waveform: tensors.remove("waveform").expect("a waveform").1 }
    }
}

impl Subject for Features {
    fn forward(&mut self) -> f64 {
        timed(&Cpu::default(), || self.front.run(&self.waveform))
    }

    fn training(&mut self) -> f64 {
        unreachable!("features have no gradient")
    }

    fn results(&mut self, _: bool) -> Vec<Named> {
        let features = self.front.run(&self.waveform);
        vec![("y".to_owned(), vec![features.len() / 128, 128], features)]
    }
}
