//! What each row of a sequence is told, and what it has to tell.
//!
//! A text of N symbols stands in rows 0 … N − 1, and step s of its sound is told by row N − 1 + s. With T frames, code c_t of level l belongs to step t + d_l, where d_l is l with
//! the pattern "delay" and else 0; behind its last code each level has the end, before its first one and behind the end nothing. Row N − 1 + s is told the
//! codes of step s − 1.

use crate::plan::CodecLmPlan;

/// A text and its sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodedText {
    /// Its symbols, one at least.
    pub symbols: Vec<u32>,
    /// Which voice, where there are several.
    pub speaker: u32,
    /// Codes [frames, levels], frame by frame, of as many levels as the plan has.
    pub codes: Vec<u32>,
}

/// Some texts with their sound, padded to one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences {
    /// [B, len]
    pub symbols: Vec<u32>,
    /// Of each level [B, len].
    pub codes: Vec<Vec<u32>>,
    /// Of each symbol of the cue [B, len].
    pub cue: Vec<Vec<u32>>,
    /// [B]
    pub speakers: Vec<u32>,
    /// Rows of the longest sequence.
    pub len: usize,
    /// Which of the B · len rows tell each step [B, steps]; behind a sequence's end the first of it.
    pub told: Vec<u32>,
    /// Steps of the longest.
    pub steps: usize,
    /// The code of each step and level [B, steps, levels], the number of codes for the end; `None` counts nowhere.
    pub targets: Vec<Option<usize>>,
    /// Frames of each.
    pub frames: Vec<usize>,
}

impl Sequences {
    /// The sequences of `texts`.
    pub fn of(plan: &CodecLmPlan, texts: &[CodedText]) -> Self {
        let frames: Vec<usize> = texts.iter().map(|text| text.codes.len() / plan.levels).collect();
        let steps = frames.iter().map(|&frames| plan.steps(frames)).max().unwrap_or(0);
        let len = texts
            .iter()
            .zip(&frames)
            .map(|(text, &frames)| text.symbols.len() - 1 + plan.steps(frames))
            .max()
            .unwrap_or(0);
        let none = |last: usize| vec![last as u32; texts.len() * len];
        let mut all = Sequences {
            symbols: none(plan.symbols),
            codes: vec![none(plan.codebook_size + 1); plan.levels],
            cue: vec![none(plan.symbols); plan.cue_symbols],
            speakers: texts.iter().map(|text| text.speaker).collect(),
            len,
            told: Vec::with_capacity(texts.len() * steps),
            steps,
            targets: vec![None; texts.len() * steps * plan.levels],
            frames,
        };
        for (row, text) in texts.iter().enumerate() {
            all.fill(plan, row, text);
        }
        all
    }

    /// How many there are.
    pub fn batch(&self) -> usize {
        self.frames.len()
    }

    fn fill(&mut self, plan: &CodecLmPlan, row: usize, text: &CodedText) {
        let (first, frames) = (row * self.len, self.frames[row]);
        let telling = first + text.symbols.len() - 1;
        self.symbols[first..=telling].copy_from_slice(&text.symbols);
        for step in 0..plan.steps(frames) {
            self.told.push((telling + step) as u32);
            for level in 0..plan.levels {
                let code = code_at(plan, &text.codes, step, level);
                let target = &mut self.targets[(row * self.steps + step) * plan.levels + level];
                *target = (code <= plan.codebook_size).then_some(code);
                if step + 1 < plan.steps(frames) {
                    self.codes[level][telling + step + 1] = code as u32;
                }
            }
            for (at, cue) in self.cue.iter_mut().enumerate() {
                cue[telling + step] = cue_at(plan, &text.symbols, frames, step, at);
            }
        }
        self.told.resize((row + 1) * self.steps, first as u32);
    }
}

/// The code of a level at a step: the number of codes for the end, one more for none.
fn code_at(plan: &CodecLmPlan, codes: &[u32], step: usize, level: usize) -> usize {
    let (frames, nothing) = (codes.len() / plan.levels, plan.codebook_size + 1);
    let delay = if plan.delays { level } else { 0 };
    match step.checked_sub(delay) {
        Some(frame) if frame < frames => codes[frame * plan.levels + level] as usize,
        Some(frame) if frame == frames => plan.codebook_size,
        _ => nothing,
    }
}

/// The `at`-th symbol of the cue of a step, were every symbol of a text as long: N symbols over T frames.
pub(super) fn cue_at(plan: &CodecLmPlan, symbols: &[u32], frames: usize, step: usize, at: usize) -> u32 {
    let place = (2 * step + 1) * symbols.len() / (2 * frames.max(1));
    let symbol = (place + at).checked_sub(plan.cue_symbols / 2).and_then(|at| symbols.get(at));
    symbol.map_or(plan.symbols as u32, |symbol| *symbol)
}
