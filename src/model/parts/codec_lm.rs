//! The parts of a language model of sound.

use super::{Part, Parts, Stage, Step, mixer_name, mixing_ahead};
use crate::model::CodecLm;

/// Symbols that a second of speech has, roughly: what a text's part of memory is foreseen by.
const SYMBOLS_PER_SEC: f64 = 16.0;

impl Parts for CodecLm {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let plan = self.plan();
        let symbols = (samples as f64 / f64::from(plan.rate_hz) * SYMBOLS_PER_SEC) as usize;
        let steps = plan.steps(plan.frames(samples));
        let rows = [symbols + steps, plan.width];
        let mixer = mixer_name(plan.mixer);
        let mixer = mixer.trim_start_matches("bidirectional ");
        let mut parts = vec![Part::new("text", format!("{} symbols", plan.symbols), [symbols, plan.width])];
        let codes = format!("{} levels of {} codes", plan.levels, plan.codebook_size);
        parts.push(Part::new("codes", codes, [steps, plan.width]));
        if plan.cue_symbols > 0 {
            parts.push(Part::new("cue", format!("{} symbols around", plan.cue_symbols), [steps, plan.width]));
        }
        if plan.speakers > 0 {
            parts.push(Part::new("speaker", format!("{} voices", plan.speakers), [1, plan.width]));
        }
        parts.extend((0..plan.layers).map(|at| Part::new(format!("layers.{at}"), mixer, rows)));
        parts.push(Part::new("norm", "rms norm", rows));
        parts.push(Part::new("heads", "codes and the end", [steps, plan.levels * plan.scores()]));
        parts
    }

    /// What tables give is summed and not kept; a layer keeps as its kind does, and the heads what they score.
    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (plan, learning) = (self.plan(), step.learning);
        let frames = step.samples / plan.hop_samples as f64;
        let rows = frames + step.samples / f64::from(plan.rate_hz) * SYMBOLS_PER_SEC;
        let wide = plan.width as f64 * rows;
        let tables = learning("text") + learning("codes") + learning("cue") + learning("speaker");
        let mut stages =
            vec![Stage { params: tables, kept: 0.0, made: 2.0 * wide, under_way: wide, owed: 0.0 }];
        // What drops is drawn again from its seed.
        for at in 0..plan.layers {
            let params = learning(&format!("layers.{at}."));
            stages.push(Stage { params, ..mixing_ahead(plan.width, plan.mixer, rows) });
        }
        let (told, scores) = (plan.width as f64 * frames, (plan.levels * plan.scores()) as f64 * frames);
        let kept = wide + told + scores;
        stages.push(Stage {
            params: learning("norm") + learning("heads"),
            kept,
            made: kept,
            under_way: scores + told,
            owed: 0.0,
        });
        stages
    }
}
