//! Residual vector quantisation in few dimensions (Yu et al. 2022, arXiv 2110.04627): each level projects what is left to eight numbers, names the row of
//! its codebook that points most nearly the same way, and passes on what that row, projected back, leaves.

use std::ops::Range;

use kernels::linear::linear;
use kernels::{Array, Cpu, OpError, Tape};

use super::Sizes;
use crate::codec::artifact::Codes;
use crate::codec::frames::Frames;
use crate::codec::nearest::{nearest, squares};
use crate::nn::{Init, ParamId, Params, Scope};

/// What keeps a direction of a vector of zeros from being none.
const LEAST_LENGTH: f32 = 1e-12;

/// The codebooks with their projections.
pub(super) struct Quantizer {
    levels: Vec<Level>,
    latent: usize,
    rows: usize,
    width: usize,
}

struct Level {
    in_weight: ParamId,
    in_bias: ParamId,
    out_weight: ParamId,
    out_bias: ParamId,
    codebook: ParamId,
}

impl Quantizer {
    /// Parameters `quantizers.{i}.{in_proj,out_proj}.{weight,bias}` and `quantizers.{i}.codebook.weight` [rows, width].
    pub fn declare(scope: &mut Scope<'_>, sizes: &Sizes) -> Self {
        let (latent, rows, width) = (sizes.latent, sizes.codebook_size, sizes.codebook_width);
        let mut levels = scope.child("quantizers");
        let level = |index: usize| {
            let mut scope = levels.child(index);
            let mut projection = |name: &str, inputs: usize, outputs: usize| {
                let (mut scope, init) = (scope.child(name), Init::fan_in(inputs));
                (scope.param("weight", [outputs, inputs], init), scope.param("bias", [outputs], init))
            };
            let (in_weight, in_bias) = projection("in_proj", latent, width);
            let (out_weight, out_bias) = projection("out_proj", width, latent);
            let codebook = scope.child("codebook").param("weight", [rows, width], Init::Normal { std: 1.0 });
            Level { in_weight, in_bias, out_weight, out_bias, codebook }
        };
        Quantizer { levels: (0..sizes.codebooks).map(level).collect(), latent, rows, width }
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
        let frames = latent.count();
        if frames == 0 {
            return Ok(());
        }
        let device = Cpu::default();
        let mut left = latent.values;
        for (column, level) in columns.iter_mut().zip(&self.levels) {
            let x = Array::from_vec(&device, left.clone(), [frames, self.latent])?;
            let projected = level.project(params, tape, &x)?;
            let sought = Array::from_vec(&device, directions(&projected, self.width), [frames, self.width])?;
            let rows = directions(params.array(level.codebook), self.width);
            let lengths: Vec<f32> = rows.chunks_exact(self.width).map(squares).collect();
            let rows = Array::from_vec(&device, rows, [self.rows, self.width])?;
            let alike = linear(tape, &sought, &rows, None)?;
            let codes: Vec<u16> = alike
                .as_slice()
                .chunks_exact(self.rows)
                .zip(sought.as_slice().chunks_exact(self.width))
                .map(|(alike, sought)| nearest(squares(sought), alike, &lengths) as u16)
                .collect();
            let taken = self.rows_of(level, params, tape, &codes)?;
            left.iter_mut().zip(taken.as_slice()).for_each(|(left, x)| *left -= x);
            column.extend(codes);
        }
        Ok(())
    }

    /// The sum of the rows that codes name, each projected back.
    ///
    /// # Errors
    /// An op failed.
    pub fn decode(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        codes: &Codes,
        frames: Range<usize>,
    ) -> Result<Frames, OpError> {
        let mut values = vec![0.0; frames.len() * self.latent];
        for (index, level) in self.levels.iter().take(codes.levels()).enumerate() {
            let rows = self.rows_of(level, params, tape, &codes.level(index)[frames.clone()])?;
            values.iter_mut().zip(rows.as_slice()).for_each(|(sum, x)| *sum += x);
        }
        Ok(Frames { values, width: self.latent })
    }

    /// The rows that codes name, as they are in the codebook, projected back.
    fn rows_of(
        &self,
        level: &Level,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        codes: &[u16],
    ) -> Result<Array<Cpu>, OpError> {
        let codebook = params.array(level.codebook).as_slice();
        let row = |&code: &u16| &codebook[usize::from(code) * self.width..][..self.width];
        let rows: Vec<f32> = codes.iter().flat_map(row).copied().collect();
        let rows = Array::from_vec(&Cpu::default(), rows, [codes.len(), self.width])?;
        linear(tape, &rows, params.array(level.out_weight), Some(params.array(level.out_bias)))
    }
}

impl Level {
    fn project(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        linear(tape, x, params.array(self.in_weight), Some(params.array(self.in_bias)))
    }
}

/// Each row of so many numbers at the length 1.
fn directions(rows: &Array<Cpu>, width: usize) -> Vec<f32> {
    let mut rows = rows.to_vec();
    for row in rows.chunks_exact_mut(width) {
        let length = squares(row).sqrt().max(LEAST_LENGTH);
        row.iter_mut().for_each(|x| *x /= length);
    }
    rows
}
