//! A model's parameters by name.

use kernels::Cpu;
use kernels::s4_step::Complex64;
use kernels::stream::{Matrix, Norm};
use runner::model::Model;
use runner::plan::BlockNorm;

use super::ControlError;
use super::kernel::Space;

/// Layer norm's.
const EPS: f32 = 1e-5;

/// The parameters of a model, under the names of the published checkpoints.
pub struct Parameters<'a>(pub &'a Model<Cpu>);

impl Parameters<'_> {
    /// The `len` values of `name`.
    pub fn get(&self, name: &str, len: usize) -> Result<Vec<f32>, ControlError> {
        let values = self.0.params.by_name(name).map(|parameter| parameter.array().to_vec());
        values.filter(|values| values.len() == len).ok_or_else(|| ControlError::Parameter(name.to_owned()))
    }

    pub fn norm(&self, name: &str, width: usize, kind: BlockNorm) -> Result<Norm, ControlError> {
        let get = |part: &str, len| self.get(&format!("{name}.{part}"), len);
        Ok(match kind {
            BlockNorm::Layer => {
                Norm::Layer { gain: get("weight", width)?, shift: get("bias", width)?, eps: EPS }
            }
            BlockNorm::Scalar => Norm::Scalar { gain: get("s", 1)?[0], shift: get("m", 1)?[0] },
        })
    }

    pub fn linear(&self, name: &str, [rows, columns]: [usize; 2]) -> Result<Matrix, ControlError> {
        let weight = self.get(&format!("{name}.weight"), rows * columns)?;
        let bias = self.get(&format!("{name}.bias"), rows)?;
        Ok(Matrix::pack(rows, columns, |row, column| weight[row * columns + column], |row| bias[row]))
    }

    /// A linear layer under weight norm, rows and columns in the order that `place` says they have in the file.
    pub fn normed_linear(
        &self,
        name: &str,
        [rows, columns]: [usize; 2],
        place: impl Fn(usize, usize) -> (usize, usize),
    ) -> Result<Matrix, ControlError> {
        let weight = self.get(&format!("{name}.weight_v"), rows * columns)?;
        let size = self.get(&format!("{name}.weight_g"), rows)?;
        let bias = self.get(&format!("{name}.bias"), rows)?;
        let length = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let lengths = weight.chunks_exact(columns).map(length);
        let scales: Vec<f64> =
            size.into_iter().zip(lengths).map(|(size, length)| f64::from(size) / length).collect();
        let at = |row, column| {
            let (row, column) = place(row, column);
            (f64::from(weight[row * columns + column]) * scales[row]) as f32
        };
        Ok(Matrix::pack(rows, columns, at, |row| bias[place(row, 0).0]))
    }

    /// The state spaces of an S4 layer's heads.
    pub fn spaces(
        &self,
        layer: &str,
        heads: usize,
        pairs: usize,
        tied: bool,
    ) -> Result<Vec<Space>, ControlError> {
        let groups = if tied { 1 } else { heads };
        let get = |part: &str, len| self.get(&format!("{layer}.kernel.kernel.{part}"), len);
        let complex = |part: &str, count: usize| -> Result<Vec<Complex64>, ControlError> {
            let values = get(part, 2 * pairs * count)?;
            let of = |parts: &[f32]| Complex64::new(parts[0].into(), parts[1].into());
            Ok(values.chunks_exact(2).map(of).collect())
        };
        let (log_dt, real, imag) =
            (get("log_dt", heads)?, get("log_w_real", groups * pairs)?, get("w_imag", groups * pairs)?);
        let poles = real
            .iter()
            .zip(&imag)
            .map(|(real, imag)| Complex64::new(-f64::from(*real).exp(), f64::from(*imag)));
        let (w, p): (Vec<Complex64>, _) = (poles.collect(), complex("P", groups)?);
        let (b, c) = (complex("B", groups)?, complex("C", heads)?);
        let of = |values: &[Complex64], index: usize| values[index * pairs..][..pairs].to_vec();
        let space = |head: usize| {
            let group = if tied { 0 } else { head };
            let dt = f64::from(log_dt[head]).exp();
            Space { dt, w: of(&w, group), p: of(&p, group), b: of(&b, group), c: of(&c, head) }
        };
        Ok((0..heads).map(space).collect())
    }
}
