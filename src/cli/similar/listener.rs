//! What a trained model of codes makes of an utterance's codes: what they stand for, and what it has in mind while it hears them.
//!
//! Not for: the codec's own codebooks (`features`). Start at [`Listener::open`].

use kernels::{Array, Cpu, OpError, Tape};

use crate::cli::Talk;
use crate::cli::checkpoint::Named;
use crate::cli::failure::{self, Failure};
use crate::codec::artifact::Artifact;
use crate::data::TextTokens;
use crate::model::codec_lm::{CodecLm, CodedText, Sequences};
use crate::model::{Model, Network};
use crate::nn::Pass;
use crate::plan::CodecLmPlan;
use crate::task::Coding;

/// A trained model of codes.
pub(super) struct Listener {
    plan: CodecLmPlan,
    model: Model<Cpu>,
    codec: crate::codec::Backend,
    tokens: TextTokens,
}

impl Listener {
    /// The model of a run, or of one of its checkpoints.
    pub fn open(run: &str, talk: Talk) -> Result<Self, Failure> {
        let named = Named::called(run, talk)?;
        let (Some(plan), Some(coding)) = (named.plan.model.codec_lm(), Coding::of(&named.plan)) else {
            let message = format!("`{}` is no model of codes", named.name);
            return Err(Failure::new(failure::REQUEST, message)
                .help("name a run of a `[model.codec_lm]`, such as `codec_lm`"));
        };
        let model = named.model(&Cpu::default())?;
        Ok(Listener { plan: plan.clone(), codec: coding.backend(), tokens: TextTokens::of(plan), model })
    }

    /// The mean over frames of what the codes of all levels but the last stand for, added up.
    pub fn response(&self, artifact: &Artifact) -> Result<Vec<f32>, String> {
        let codes = self.codes(artifact)?;
        let rows = self.network()?.rows(&self.model.params, &codes).map_err(words)?;
        Ok(mean(&rows, self.plan.width))
    }

    /// The mean over frames of what stands under the heads while the model hears the codes behind their text; of several voices in the first.
    pub fn hidden(&self, artifact: &Artifact, text: Option<&str>) -> Result<Vec<f32>, String> {
        let codes = self.codes(artifact)?;
        let text = text.filter(|text| !text.trim().is_empty()).ok_or("its metadata have no text")?;
        let symbols = self.tokens.symbols(text).map_err(|error| error.to_string())?;
        let symbols = symbols.ok_or("nobody can read its text aloud")?;
        let sequences = Sequences::of(&self.plan, &[CodedText { symbols, speaker: 0, codes }]);
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape);
        let hidden: Array<Cpu> = self.network()?.hidden(&mut pass, &sequences).map_err(words)?;
        Ok(mean(&hidden.to_vec(), self.plan.width))
    }

    fn network(&self) -> Result<&CodecLm, String> {
        match &self.model.network {
            Network::CodecLm(network) => Ok(network),
            _ => Err("the model tells no codes".to_owned()),
        }
    }

    /// Codes [frames, levels], as the model hears them.
    fn codes(&self, artifact: &Artifact) -> Result<Vec<u32>, String> {
        let (kind, levels) = (self.codec.kind(), self.plan.levels);
        if artifact.kind != kind {
            return Err(format!("it has codes of {}, and the model knows those of {kind}", artifact.kind));
        }
        if artifact.codes.levels() < levels {
            return Err(format!("it has {} levels, and the model hears {levels}", artifact.codes.levels()));
        }
        Ok(artifact.codes.by_frames(levels).map(u32::from).collect())
    }
}

fn words(error: OpError) -> String {
    error.to_string()
}

/// The mean of rows.
pub(super) fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let count = (rows.len() / width).max(1) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}
