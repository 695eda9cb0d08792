//! Frames of a waveform, laid side by side.

use kernels::power_spectrum::{FRAMES, Lane};
use kernels::simd::dispatch;

/// What lies before the first sample and behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audio) enum Edge {
    /// The sound backward, its end doubled: Kaldi.
    Doubled,
    /// The sound backward around its end.
    Reflected,
    /// Silence.
    Silent,
}

/// Where frames lie.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    /// Samples per frame.
    pub len: usize,
    /// Samples from one to the next.
    pub shift: usize,
    /// How many samples before the sound the first begins; negative for behind its start.
    pub lead: isize,
    pub edge: Edge,
}

impl Frames {
    /// Frames `first` … `first + 15` of the sound, sample by sample; those from `count` on are the last again.
    /// `over` holds frames that reach over the ends while they are laid out.
    pub fn lay(&self, waveform: &[f32], first: usize, count: usize, over: &mut [f32], to: &mut [Lane]) {
        let starts: [isize; FRAMES] = std::array::from_fn(|lane| {
            (first + lane).min(count - 1) as isize * self.shift as isize - self.lead
        });
        for (start, over) in starts.iter().zip(over.chunks_exact_mut(self.len)) {
            if self.inside(waveform, *start).is_none() {
                let samples = over.iter_mut().zip(*start..);
                samples.for_each(|(to, at)| *to = self.edge.sample(waveform, at));
            }
        }
        let over = &*over;
        let rows: [&[f32]; FRAMES] = std::array::from_fn(|lane| {
            let reaching = &over[lane * self.len..(lane + 1) * self.len];
            self.inside(waveform, starts[lane]).unwrap_or(reaching)
        });
        dispatch(
            #[inline(always)]
            || turn(&rows, to),
        );
    }

    /// The frame that begins there, unless it reaches over an end.
    fn inside<'a>(&self, waveform: &'a [f32], start: isize) -> Option<&'a [f32]> {
        let start = usize::try_from(start).ok()?;
        waveform.get(start..start + self.len)
    }
}

impl Edge {
    /// The sample at any place, of a sound that has some.
    pub fn sample(self, waveform: &[f32], at: isize) -> f32 {
        let len = waveform.len() as isize;
        let period = match self {
            Edge::Silent => {
                return usize::try_from(at).ok().and_then(|at| waveform.get(at)).map_or(0.0, |x| *x);
            }
            Edge::Doubled => 2 * len,
            Edge::Reflected => (2 * len - 2).max(1),
        };
        let at = at.rem_euclid(period);
        let doubled = isize::from(self == Edge::Doubled);
        waveform[if at < len { at } else { period - doubled - at } as usize]
    }
}

/// From rows of samples to samples of rows.
#[inline(always)]
fn turn(rows: &[&[f32]; FRAMES], to: &mut [Lane]) {
    for (lane, row) in rows.iter().enumerate() {
        for (to, sample) in to.iter_mut().zip(*row) {
            to[lane] = *sample;
        }
    }
}
