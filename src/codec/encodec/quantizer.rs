//! Residual vector quantisation: each level names the nearest row of its codebook and passes on what is left.

use std::ops::Range;

use kernels::linear::linear;
use kernels::{Array, Cpu, OpError, Tape};

use super::Sizes;
use crate::codec::artifact::Codes;
use crate::codec::frames::Frames;
use crate::codec::nearest::{nearest, squares};
use crate::nn::{Init, ParamId, Params, Scope};

/// The codebooks.
pub(super) struct Quantizer {
    codebooks: Vec<ParamId>,
    rows: usize,
    width: usize,
}

impl Quantizer {
    /// Parameters `layers.{i}.codebook.embed` [rows, width].
    pub fn declare(scope: &mut Scope<'_>, sizes: &Sizes) -> Self {
        let (rows, width) = (sizes.codebook_size, sizes.latent);
        let mut layers = scope.child("layers");
        let codebook = |level: usize| {
            layers.child(level).child("codebook").param("embed", [rows, width], Init::Normal { std: 1.0 })
        };
        Quantizer { codebooks: (0..sizes.codebooks).map(codebook).collect(), rows, width }
    }

    /// Adds the codes of `latent` to each level's column. Of rows as near as each other the first is taken.
    ///
    /// # Errors
    /// An op failed.
    pub fn encode(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        latent: Frames,
        columns: &mut [Vec<u16>],
    ) -> Result<(), OpError> {
        let frames = latent.values.len() / self.width;
        let mut left = latent.values;
        for (column, codebook) in columns.iter_mut().zip(&self.codebooks) {
            let codebook = params.array(*codebook);
            let x = Array::from_vec(&Cpu::default(), left.clone(), [frames, self.width])?;
            let alike = linear(tape, &x, codebook, None)?;
            let rows = codebook.as_slice();
            let lengths: Vec<f32> = rows.chunks_exact(self.width).map(squares).collect();
            let alike = alike.as_slice().chunks_exact(self.rows);
            for (left, alike) in left.chunks_exact_mut(self.width).zip(alike) {
                let code = nearest(squares(left), alike, &lengths);
                column.push(code as u16);
                let row = &rows[code * self.width..][..self.width];
                left.iter_mut().zip(row).for_each(|(left, x)| *left -= x);
            }
        }
        Ok(())
    }

    /// The sum of the rows that codes name.
    pub fn decode(&self, params: &Params<Cpu>, codes: &Codes, frames: Range<usize>) -> Frames {
        let mut values = vec![0.0; frames.len() * self.width];
        for (level, codebook) in self.codebooks.iter().take(codes.levels()).enumerate() {
            let rows = params.array(*codebook).as_slice();
            let codes = &codes.level(level)[frames.clone()];
            for (sum, &code) in values.chunks_exact_mut(self.width).zip(codes) {
                let row = &rows[usize::from(code) * self.width..][..self.width];
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        }
        Frames { values, width: self.width }
    }
}
