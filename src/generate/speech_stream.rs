//! Speech that can be heard while it is made: some frames at a time, each piece's phases going on from those before.
//!
//! A frame is refined once those behind it are there that its refinement depends on. A piece is made sound together with the last frames before it, whose
//! phases are held; what the next frames would still change is kept back, and faded into the next piece.

use kernels::{Array, Backend, Tape};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::{GenerateError, SpeechRequest};
use crate::audio::synthesis::{Complex32, GriffinLim};
use crate::model::tacomamba::{SpeechStep, States, Tacomamba, Texts};
use crate::model::{Model, Network};
use crate::nn::Pass;
use crate::seed::{Purpose, stream};
use crate::task::{Speaking, frames_of};

/// Frames of a piece.
const PIECE: usize = 16;
/// Frames before a piece whose phases are held.
const HELD: usize = 3;
/// The highest that a sample may come.
const MOST: f32 = 0.99;

/// A sentence on its way.
pub struct SpeechStream<'a, D: Backend> {
    device: D,
    model: &'a Model<D>,
    network: &'a Tacomamba,
    task: &'a Speaking,
    griffin_lim: GriffinLim,
    step: SpeechStep,
    states: States,
    draws: Pcg64Mcg,
    /// [frames, width]
    conditions: Vec<f32>,
    frames: usize,
    /// Frames as the decoder made them, so far.
    made: Vec<f32>,
    /// Frames that have been made sound.
    sounded: usize,
    /// All samples so far, for phases to go on from.
    samples: Vec<f32>,
    /// What comes behind them, as the last piece has it.
    tail: Vec<f32>,
    gain: f32,
}

impl<'a, D: Backend> SpeechStream<'a, D> {
    /// Encodes the first line of the request, and finds out how long it lasts.
    ///
    /// # Errors
    /// The model does not speak frame by frame, there is no line, a symbol or a voice is unknown to it, or the device failed.
    pub fn new(
        device: &D,
        model: &'a Model<D>,
        task: &'a Speaking,
        request: &SpeechRequest,
    ) -> Result<Self, GenerateError> {
        let network = match &model.network {
            Network::Tacomamba(network) => network,
            Network::Prefix(_) => return Err(GenerateError::Unstreamed),
            _ => return Err(GenerateError::Mute(model.plan.family())),
        };
        let line = request.lines.first().filter(|_| network.plan().prenet.is_some());
        let line = line.ok_or(GenerateError::AtOnce)?;
        let speakers = network.plan().speakers.map(|_| line.speaker);
        let texts = Texts::new(&[&line.symbols], speakers.into_iter().collect());
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        let h = network.encode(&mut pass, &texts)?;
        let logs = network.log_durations(&mut pass, &h, &texts)?.download()?;
        let durations: Vec<usize> = logs.iter().map(|told| frames_of(*told, request.length_scale)).collect();
        let frames = durations.iter().sum();
        let conditions = network.conditions(&mut pass, &h, &[durations])?.download()?;
        let step = SpeechStep::of(network, &model.params)?;
        Ok(SpeechStream {
            device: device.clone(),
            model,
            network,
            task,
            griffin_lim: request.griffin_lim,
            states: step.states(1),
            step,
            draws: stream(request.seed, Purpose::Generation, 0, 0),
            conditions,
            frames,
            made: Vec::new(),
            sounded: 0,
            samples: Vec::new(),
            tail: Vec::new(),
            gain: 1.0,
        })
    }

    /// The next piece, none at the end. Pieces one after the other are the sentence; no sample reaches full scale.
    ///
    /// # Errors
    /// The device failed.
    pub fn next_piece(&mut self) -> Result<Option<Vec<f32>>, GenerateError> {
        if self.sounded == self.frames {
            return Ok(None);
        }
        let end = (self.sounded + PIECE).min(self.frames);
        self.decode_to((end + self.network.reach()).min(self.frames));
        let hop = self.task.mel().stft().samples(2);
        let overlap = 2 * (self.task.mel().stft().bins() - 1) / hop.max(1);
        // The first frame of which something is still to be heard, and as many before it as are held.
        let start = self.sounded.saturating_sub(1 + overlap + HELD);
        let mel = self.refined(start, end)?;
        let magnitudes = self.task.mel().magnitudes(&self.task.restored(&mel));
        let known = self.known(start, hop);
        let window = self.griffin_lim.run_on(self.task.mel().stft(), &magnitudes, &known);
        let from = self.samples.len() - start * hop;
        let until = match end == self.frames {
            true => window.len(),
            // Windows of frames to come reach back so far.
            false => window.len().saturating_sub(overlap * hop / 2).max(from),
        };
        let mut piece = window.get(from..until).unwrap_or_default().to_vec();
        for (at, (sample, before)) in piece.iter_mut().zip(&self.tail).enumerate() {
            let share = (at + 1) as f32 / (self.tail.len() + 1) as f32;
            *sample = share * *sample + (1.0 - share) * before;
        }
        self.tail = window[until.min(window.len())..].iter().take(hop).copied().collect();
        self.samples.extend(&piece);
        self.sounded = end;
        let peak = piece.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        if peak * self.gain > MOST {
            self.gain = MOST / peak;
        }
        piece.iter_mut().for_each(|sample| *sample *= self.gain);
        Ok(Some(piece))
    }

    /// Makes frames until there are so many.
    fn decode_to(&mut self, frames: usize) {
        let (bands, width) = (self.step.bands(), self.conditions.len() / self.frames.max(1));
        let silence = vec![0.0; bands];
        for t in self.made.len() / bands..frames {
            let before = if t == 0 { &silence[..] } else { &self.made[(t - 1) * bands..] };
            let condition = &self.conditions[t * width..][..width];
            let draws = &mut self.draws;
            let frame = self.step.step(condition, before, &mut self.states, &mut |_| draws.random::<f32>());
            self.made.extend(frame);
        }
    }

    /// Frames of a span behind the postnet, which sees as much around them as it depends on.
    fn refined(&self, start: usize, end: usize) -> Result<Vec<f32>, GenerateError> {
        let (bands, reach) = (self.step.bands(), self.network.reach());
        let first = start.saturating_sub(reach);
        let seen = self.made.len().min((end + reach) * bands) / bands - first;
        let around = self.made[first * bands..][..seen * bands].to_vec();
        let around = Array::from_vec(&self.device, around, [1, seen, bands])?;
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape);
        let refined = self.network.refine(&mut pass, &around, &[seen])?.download()?;
        Ok(refined[(start - first) * bands..(end - first) * bands].to_vec())
    }

    /// Phases of the frames from `start` on that lie wholly in what was made sound.
    fn known(&self, start: usize, hop: usize) -> Vec<Complex32> {
        let stft = self.task.mel().stft();
        let half = stft.bins() - 1;
        let whole = self.samples.len().saturating_sub(half) / hop;
        if whole <= start {
            return Vec::new();
        }
        // As many frames more that what the reflection adds at the beginning does not reach these.
        let first = start.saturating_sub(half / hop.max(1) + 1);
        let spectra = stft.spectra(&self.samples[first * hop..]);
        spectra.values[(start - first) * spectra.bins..(whole - first) * spectra.bins].to_vec()
    }
}
