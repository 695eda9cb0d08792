//! What a codec is made of, by the extents of its tensors; what they do not show is held to the settings in its archive.

use serde_json::{Map, Value as Json, json};

use crate::codec::artifact::Kind;
use crate::model::weights::Tensors;

/// Sizes of encoder, quantiser and decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// The encoder's; its stages halve the rate.
    pub encoder: Half,
    /// The decoder's.
    pub decoder: Half,
    /// Levels of each dimension of each group; a group has a code for each frame.
    pub groups: Vec<Vec<usize>>,
}

/// Sizes of encoder or decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// Channels at the sound's own rate; each stage away from it doubles them.
    pub base: usize,
    /// Strides, in the order of the stages.
    pub rates: Vec<usize>,
    /// Taps of the branches of a residual layer.
    pub kernels: Vec<usize>,
    /// Taps of the first convolution.
    pub first_taps: usize,
    /// Taps of the last one.
    pub last_taps: usize,
}

/// Dilations of the units of a branch, which no extent shows.
pub const DILATIONS: [usize; 3] = [1, 3, 5];

/// Levels of a group where the file does not say them.
const LEVELS: [usize; 4] = [8, 5, 5, 5];

/// The most of anything that is counted: with it a damaged file cannot ask for all memory.
const MOST: usize = 64;

impl Sizes {
    /// The sizes of a checkpoint with plain weights.
    ///
    /// # Errors
    /// What is missing or cannot be, all of it.
    pub fn of(tensors: &Tensors) -> Result<Self, Vec<String>> {
        let mut reader = Reader { tensors, misfits: Vec::new() };
        let encoder = reader.half("audio_encoder", "down_sample_conv_layers", false);
        let decoder = reader.half("audio_decoder", "up_sample_conv_layers", true);
        let groups = reader.groups();
        if reader.misfits.is_empty() { Ok(Sizes { encoder, decoder, groups }) } else { Err(reader.misfits) }
    }

    /// The sizes of the published codec.
    pub fn published() -> Self {
        let half = |base, rates: [usize; 4], last_taps| Half {
            base,
            rates: rates.to_vec(),
            kernels: vec![3, 7, 11],
            first_taps: 7,
            last_taps,
        };
        Sizes {
            encoder: half(48, [2, 4, 8, 8], 7),
            decoder: half(48, [8, 8, 4, 2], 3),
            groups: vec![LEVELS.to_vec(); 8],
        }
    }

    /// Samples of a frame.
    pub fn hop_samples(&self) -> usize {
        self.encoder.rates.iter().product()
    }

    /// Dimensions of a frame between encoder and quantiser.
    pub fn latent(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Codes of a group.
    pub fn codebook_size(&self) -> usize {
        self.groups.first().map_or(0, |levels| levels.iter().product())
    }

    /// What settings say that is otherwise here, as a fragment of a sentence; what they leave out is as here.
    pub fn conflict(&self, settings: &Map<String, Json>) -> Option<String> {
        let wanted = [
            ("sample_rate", json!(Kind::Nemo.rate_hz())),
            ("samples_per_frame", json!(self.hop_samples())),
            ("audio_encoder.pad_mode", json!("reflect")),
            ("audio_decoder.pad_mode", json!("reflect")),
            ("audio_encoder.resblock_dilation_sizes", json!(DILATIONS)),
            ("audio_decoder.resblock_dilation_sizes", json!(DILATIONS)),
            ("audio_encoder.activation", json!("lrelu")),
            ("audio_decoder.activation", json!("half_snake")),
            ("audio_decoder.output_activation", json!("clamp")),
        ];
        wanted.iter().find_map(|(path, want)| {
            let mut parts = path.split('.');
            let top = settings.get(parts.next()?)?;
            let found = parts.try_fold(top, |at, part| at.get(part))?;
            // A reference to another setting says nothing by itself.
            let refers = found.as_str().is_some_and(|text| text.contains("${"));
            (found != want && !refers && !found.is_null())
                .then(|| format!("its `{path}` is {found}, not {want}"))
        })
    }
}

struct Reader<'a> {
    tensors: &'a Tensors,
    misfits: Vec<String>,
}

impl Reader<'_> {
    fn half(&mut self, side: &str, stages: &str, up: bool) -> Half {
        let [first, _, first_taps] = self.kernel(&format!("{side}.pre_conv.conv.weight"));
        let [_, _, last_taps] = self.kernel(&format!("{side}.post_conv.conv.weight"));
        let count = self.count(&format!("{side}.{stages}.")).max(1);
        let rates: Vec<usize> = (0..count)
            .map(|stage| {
                let name = format!("{side}.{stages}.{stage}.conv.weight");
                let taps = self.kernel(&name)[2];
                if taps > 1 && (taps % 2 == 1 || taps == 2) {
                    self.misfits.push(format!(
                        "`{name}` has {taps} taps, which are not twice a stride of two or more"
                    ));
                }
                (taps / 2).max(1)
            })
            .collect();
        let layer = format!("{side}.res_layers.0.res_blocks");
        let branches = self.count(&format!("{layer}.")).max(1);
        let kernels = (0..branches)
            .map(|branch| {
                let name = format!("{layer}.{branch}.res_blocks.0.input_conv.conv.weight");
                self.odd(&name)
            })
            .collect();
        if first_taps.is_multiple_of(2) || last_taps.is_multiple_of(2) {
            self.misfits
                .push(format!("the first or the last convolution of `{side}` has an even number of taps"));
        }
        let base = if up { first >> count.min(MOST - 1) } else { first };
        Half { base, rates, kernels, first_taps, last_taps }
    }

    fn groups(&mut self) -> Vec<Vec<usize>> {
        let latent = self.kernel("audio_encoder.post_conv.conv.weight")[0];
        let count = self.count("vector_quantizer.fsqs.");
        let groups: Vec<Vec<usize>> = if count == 0 {
            vec![LEVELS.to_vec(); latent / LEVELS.len()]
        } else {
            (0..count)
                .map(|group| self.levels(&format!("vector_quantizer.fsqs.{group}.num_levels")))
                .collect()
        };
        let size = |levels: &Vec<usize>| levels.iter().product::<usize>();
        let (width, most) =
            (groups.iter().map(Vec::len).sum::<usize>(), usize::from(Kind::Nemo.largest_code()) + 1);
        if !self.misfits.is_empty() {
            return groups;
        }
        if width != latent {
            self.misfits.push(format!("{width} dimensions are quantised, and a frame has {latent}"));
        } else if groups.len() > Kind::Nemo.most_levels()
            || groups
                .iter()
                .any(|levels| size(levels) > most || Some(size(levels)) != groups.first().map(size))
        {
            let misfit = format!(
                "its quantiser is not of at most {} groups with up to {most} codes each",
                Kind::Nemo.most_levels()
            );
            self.misfits.push(misfit);
        }
        groups
    }

    fn levels(&mut self, name: &str) -> Vec<usize> {
        let Some((_, values)) = self.tensors.get(name) else {
            self.misfits.push(format!("`{name}` is missing"));
            return Vec::new();
        };
        let sound = |level: &f32| level.fract() == 0.0 && (2.0..=1_000.0).contains(level);
        if values.is_empty() || values.len() > 8 || !values.iter().all(sound) {
            self.misfits.push(format!("`{name}` holds no numbers of levels"));
            return Vec::new();
        }
        values.iter().map(|&level| level as usize).collect()
    }

    fn odd(&mut self, name: &str) -> usize {
        let taps = self.kernel(name)[2];
        if taps.is_multiple_of(2) {
            self.misfits.push(format!("`{name}` has an even number of taps"));
        }
        taps
    }

    /// The extents of a convolution's weight; of one where there is none.
    fn kernel(&mut self, name: &str) -> [usize; 3] {
        let misfit = match self.tensors.get(name).map(|(shape, _)| shape.as_slice()) {
            Some(&[a, b, taps @ 1..=MOST]) if a > 0 && b > 0 => return [a, b, taps],
            Some(shape) => format!("`{name}` is {shape:?} there, which is no convolution"),
            None => format!("`{name}` is missing"),
        };
        if !self.misfits.contains(&misfit) {
            self.misfits.push(misfit);
        }
        [1; 3]
    }

    /// How many modules are numbered behind `prefix`.
    fn count(&self, prefix: &str) -> usize {
        let names = self.tensors.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        let numbers =
            names.filter_map(|(name, _)| name[prefix.len()..].split('.').next()?.parse::<usize>().ok());
        numbers.filter(|&number| number < MOST).max().map_or(0, |last| last + 1)
    }
}
