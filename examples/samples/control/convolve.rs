//! A causal convolution that is fed one vector at a time, each channel with a kernel of its own.
//!
//! What past inputs bring to the next [`BLOCK`] outputs is added up once a block, kernel by input: the work of a direct convolution, in an order
//! in which vector units are busy.

use kernels::simd;

/// Outputs that are prepared at a time.
const BLOCK: usize = 64;

/// The kernels of some channels.
pub struct Filters {
    channels: usize,
    /// Inputs that there may be, a multiple of the block.
    room: usize,
    /// [channels, room + block], zeros behind each kernel.
    taps: Vec<f32>,
}

impl Filters {
    /// One kernel a channel, for at most `samples` inputs; what is longer is not reached.
    pub fn new(kernels: &[Vec<f64>], samples: usize) -> Self {
        let room = samples.next_multiple_of(BLOCK);
        let mut taps = vec![0.0; kernels.len() * (room + BLOCK)];
        for (to, kernel) in taps.chunks_exact_mut(room + BLOCK).zip(kernels) {
            to[..room].iter_mut().zip(kernel).for_each(|(to, &k)| *to = k as f32);
        }
        Filters { channels: kernels.len(), room, taps }
    }
}

/// What has been put in so far, and what is to come of it.
pub struct Past {
    time: usize,
    /// [channels, room].
    inputs: Vec<f32>,
    /// [channels, block].
    pending: Vec<f32>,
}

impl Past {
    /// At rest.
    pub fn new(filters: &Filters) -> Self {
        let Filters { channels, room, .. } = *filters;
        Past { time: 0, inputs: vec![0.0; channels * room], pending: vec![0.0; channels * BLOCK] }
    }

    /// The output for the next input of each channel. Behind the room there is none: it stays at rest.
    pub fn step(&mut self, filters: &Filters, x: &[f32], y: &mut [f32]) {
        if self.time >= filters.room {
            return y.fill(0.0);
        }
        let at = self.time % BLOCK;
        if at == 0 {
            self.prepare(filters);
        }
        let channels = self.inputs.chunks_exact_mut(filters.room).zip(self.pending.chunks_exact_mut(BLOCK));
        let taps = filters.taps.chunks_exact(filters.room + BLOCK);
        for (((inputs, pending), taps), (x, y)) in channels.zip(taps).zip(x.iter().zip(y)) {
            inputs[self.time] = *x;
            pending[at..].iter_mut().zip(taps).for_each(|(sum, tap)| *sum += tap * x);
            *y = pending[at];
        }
        self.time += 1;
    }

    /// What all inputs so far bring to the next block of outputs.
    fn prepare(&mut self, filters: &Filters) {
        let time = self.time;
        let channels = self.inputs.chunks_exact(filters.room).zip(self.pending.chunks_exact_mut(BLOCK));
        let taps = filters.taps.chunks_exact(filters.room + BLOCK);
        simd::dispatch(
            #[inline(always)]
            || {
                for ((inputs, pending), taps) in channels.zip(taps) {
                    let mut sums = [0.0f32; BLOCK];
                    for (past, x) in inputs[..time].iter().enumerate() {
                        let taps = &taps[time - past..][..BLOCK];
                        for (sum, tap) in sums.iter_mut().zip(taps) {
                            *sum = tap.mul_add(*x, *sum);
                        }
                    }
                    pending.copy_from_slice(&sums);
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fed_one_by_one_it_is_the_sum() {
        let wave = |rate: f64, len: usize| (0..len).map(|t| (rate * t as f64).sin()).collect::<Vec<f64>>();
        let (kernels, samples) = (vec![wave(0.7, 150), wave(0.3, 1000)], 200);
        let filters = Filters::new(&kernels, samples);
        let mut past = Past::new(&filters);
        let inputs = [wave(1.3, samples), wave(2.1, samples)];
        let mut y = [0.0; 2];
        for t in 0..samples {
            past.step(&filters, &[inputs[0][t] as f32, inputs[1][t] as f32], &mut y);
            for (channel, y) in y.iter().enumerate() {
                let taps = kernels[channel].iter().take(t + 1).enumerate();
                let want: f64 = taps.map(|(lag, k)| k * inputs[channel][t - lag]).sum();
                assert!((f64::from(*y) - want).abs() < 1e-4, "{t}, {channel}: {y}, want {want}");
            }
        }
    }
}
