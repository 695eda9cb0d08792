//! The table's rows: where clips come from, and what the classifier hears in them.

use std::error::Error;
use std::sync::Arc;

use kernels::Cpu;
use rand_distr::{Distribution, StandardNormal};
use runner::audio;
use runner::data::open_corpus;
use runner::generate::Made;
use runner::plan::Plan;
use runner::quality::{self, Heard, LEAST_TO_CUT, Listener, QualityError, Scores};
use runner::seed::{Purpose, stream};

/// Clips of one source, at the classifier's rate.
pub struct Row {
    pub name: String,
    pub clips: Vec<Vec<f32>>,
    pub scores: Scores,
}

/// Real clips of one list, as they were recorded.
pub fn recorded(plan: &Plan, meta: &str) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let corpus = open_corpus(&plan.data, meta)?;
    let load = |utterance| Ok(corpus.load(utterance, plan.data.sample_rate_hz)?);
    corpus.utterances().iter().map(load).collect()
}

/// Gaussian noise as loud as `like` is on average.
pub fn noise(count: usize, samples: usize, seed: u64, like: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let values = || like.iter().flatten();
    let squares: f64 = values().map(|x| f64::from(*x).powi(2)).sum();
    let loudness = (squares / values().count().max(1) as f64).sqrt() as f32;
    let clip = |clip: usize| {
        let mut draws = stream(seed, Purpose::Noise, clip as u64, 0);
        (0..samples)
            .map(|_| {
                let x: f32 = StandardNormal.sample(&mut draws);
                loudness * x
            })
            .collect()
    };
    (0..count).map(clip).collect()
}

/// Waveforms of generated clips at the classifier's rate, those kept by the published rule where `cut`.
pub fn made(
    clips: Vec<Made>,
    cut: bool,
    [from_hz, to_hz]: [u32; 2],
) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let nats: Vec<f64> = clips.iter().filter_map(|clip| clip.mean_log_likelihood.map(|mean| -mean)).collect();
    let kept = match cut {
        true if nats.len() < LEAST_TO_CUT => {
            return Err(format!("`--cut` takes {LEAST_TO_CUT} clips or more").into());
        }
        true => quality::cut(&nats),
        false => (0..clips.len()).collect(),
    };
    let at_rate = |clip: usize| Ok(audio::resample(clips[clip].waveform.clone(), from_hz, to_hz)?);
    kept.into_iter().map(at_rate).collect()
}

/// What the classifier hears in clips.
pub fn heard(listener: &Listener<'_, Cpu>, plan: &Plan, clips: &[Vec<f32>]) -> Result<Heard, QualityError> {
    let clips = clips.iter().enumerate().map(|(number, clip)| {
        let mut waveform = clip.clone();
        if plan.data.normalise {
            audio::normalise(&mut waveform);
        }
        Ok::<_, QualityError>((number.to_string(), Arc::from(waveform)))
    });
    listener.all(clips, &mut |_| {})
}
