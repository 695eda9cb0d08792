//! Each symbol's row, once for every frame that it lasts.

use kernels::embedding::embedding;
use kernels::{Array, Backend, OpError, Tape};

/// Which symbol each frame belongs to, and where in it the frame is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    /// [B, T] numbers of rows, counted through the batch; behind an utterance's end its first symbol.
    rows: Vec<u32>,
    /// [B, T, 2]: how much of the symbol is over in the middle of the frame, and ln of its duration.
    places: Vec<f32>,
    batch: usize,
    frames: usize,
}

impl Spread {
    /// Of utterances with these durations, padded to so many symbols and frames.
    pub fn new(durations: &[Vec<usize>], symbols: usize, frames: usize) -> Self {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for (utterance, durations) in durations.iter().enumerate() {
            let first = (utterance * symbols) as u32;
            for (row, &duration) in (first..).zip(durations) {
                let lasts = duration as f32;
                rows.extend(std::iter::repeat_n(row, duration));
                places.extend((0..duration).flat_map(|at| [(at as f32 + 0.5) / lasts, lasts.ln()]));
            }
            rows.resize((utterance + 1) * frames, first);
            places.resize((utterance + 1) * frames * 2, 0.0);
        }
        Spread { rows, places, batch: durations.len(), frames }
    }

    /// # Shapes
    /// of symbols [B, N, C] → of frames [B, T, C]
    ///
    /// # Errors
    /// The device failed.
    pub fn over<D: Backend>(&self, tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let [batch, symbols, channels] = x.dims("spread", "x")?;
        let table = x.reshaped([batch * symbols, channels])?;
        embedding(tape, &table, &self.rows, [self.batch, self.frames])
    }

    /// Where in its symbol each frame is [B, T, 2].
    ///
    /// # Errors
    /// The device has no room.
    pub fn places<D: Backend>(&self, device: &D) -> Result<Array<D>, OpError> {
        Array::from_vec(device, self.places.clone(), [self.batch, self.frames, 2])
    }
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;

    /// The published example of a repeat: what lasts no frame is passed over.
    #[test]
    fn rows_last_as_long_as_they_are_said_to() {
        let device = Cpu::default();
        let rows = Array::from_vec(&device, (0..6).map(|x| x as f32).collect(), [1, 3, 2]).unwrap();
        let spread = Spread::new(&[vec![2, 0, 2]], 3, 4);
        let frames = spread.over(&mut Tape::silent(), &rows).unwrap();
        assert_eq!(frames.to_vec(), [0.0, 1.0, 0.0, 1.0, 4.0, 5.0, 4.0, 5.0]);
        assert_eq!(frames.shape().dims(), [1, 4, 2]);
        let two = 2f32.ln();
        assert_eq!(spread.places(&device).unwrap().to_vec(), [0.25, two, 0.75, two, 0.25, two, 0.75, two]);
    }

    #[test]
    fn behind_an_end_there_is_padding_of_the_same_utterance() {
        let spread = Spread::new(&[vec![1, 2], vec![1]], 2, 4);
        assert_eq!(spread.rows, [0, 1, 1, 0, 2, 2, 2, 2]);
        assert_eq!(spread.places[6..8], [0.0, 0.0]);
    }
}
