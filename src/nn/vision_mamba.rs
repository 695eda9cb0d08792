//! Vision Mamba's mixer (Zhu et al. 2024, arXiv 2401.09417): one projection in, a scan each way, one projection out.
//!
//! Every frame of every sequence is heard: for sequences with padding behind them there is `Bidirectional`.

use kernels::add::add;
use kernels::blend::blend;
use kernels::padding::reverse_padded;
use kernels::{Array, Backend, OpError};

use super::mamba1::{Driven, Mamba1Sizes, Scanner, Side, declare_rates, declare_scanner};
use super::{Init, Linear, ParamId, Pass, Scope};

/// How a mixer looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directions {
    /// Not at all: plain Mamba.
    Ahead,
    /// What was convolved ahead is scanned both ways (v1).
    Scans,
    /// A convolution and a scan each way (v2).
    Both,
}

/// The second direction.
#[derive(Debug, Clone)]
enum Back {
    None,
    /// The rates of its scan.
    Scan(ParamId),
    Whole(Scanner),
}

/// in_proj → a scan each way → their sum, or half of it → out_proj.
#[derive(Debug, Clone)]
pub struct VisionMamba {
    in_proj: Linear,
    ahead: Scanner,
    back: Back,
    out_proj: Linear,
    inner: usize,
    halved: bool,
    /// The sequence is walked the other way round: what is called ahead looks back.
    reversed: bool,
}

impl VisionMamba {
    /// Parameters of Mamba, and of the second direction `A_b_log`, `D_b`, `conv1d_b`, `x_proj_b` and `dt_proj_b` or the first of them. What comes out
    /// starts smaller by √`layers`.
    pub fn declare(
        scope: &mut Scope<'_>,
        sizes: Mamba1Sizes,
        directions: Directions,
        halved: bool,
        layers: usize,
    ) -> Self {
        let Mamba1Sizes { width, inner, state, .. } = sizes;
        let rates = declare_rates(scope, sizes, Side::Ahead);
        let in_proj = Linear::torch(&mut scope.child("in_proj"), width, 2 * inner, false);
        let ahead = declare_scanner(scope, sizes, rates, Side::Ahead);
        let back = match directions {
            Directions::Ahead => Back::None,
            Directions::Scans => Back::Scan(scope.param("A_b_log", [inner, state], Init::LogCounting)),
            Directions::Both => {
                let rates = declare_rates(scope, sizes, Side::Back);
                Back::Whole(declare_scanner(scope, sizes, rates, Side::Back))
            }
        };
        let bound = 1.0 / ((inner * layers) as f32).sqrt();
        let init = Init::Uniform { low: -bound, high: bound };
        let out_proj = Linear::declare(&mut scope.child("out_proj"), inner, width, init, None);
        VisionMamba { in_proj, ahead, back, out_proj, inner, halved, reversed: false }
    }

    /// The same mixer for sequences that are to be walked the other way round: what it makes of them reversed, reversed.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// # Shapes
    /// u [B, T, width] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, u: &Array<D>) -> Result<Array<D>, OpError> {
        let mut split = self.in_proj.forward_split(pass, u, &[self.inner, self.inner])?;
        let (Some(gate), Some(x)) = (split.pop(), split.pop()) else {
            unreachable!("two widths were asked for");
        };
        let y = match &self.back {
            Back::None if self.reversed => self.turned(pass, &self.ahead, x, gate)?,
            Back::None => self.direct(pass, &self.ahead, &x, &gate)?,
            Back::Scan(rates) => self.scans(pass, *rates, &x, &gate)?,
            Back::Whole(back) => {
                let (direct, turned) = if self.reversed { (back, &self.ahead) } else { (&self.ahead, back) };
                let direct = self.direct(pass, direct, &x, &gate)?;
                let turned = self.turned(pass, turned, x, gate)?;
                let share = if self.halved { 0.5 } else { 1.0 };
                let batch = u.shape().dims()[0];
                blend(pass.tape, &direct, &turned, vec![[share; 2]; batch])?
            }
        };
        self.out_proj.forward(pass, &y)
    }

    /// What is made of the sequence on the way from its start.
    fn direct<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        scanner: &Scanner,
        x: &Array<D>,
        gate: &Array<D>,
    ) -> Result<Array<D>, OpError> {
        let driven = scanner.drive(pass, x)?;
        scanner.scan(pass, &driven, gate, None)
    }

    /// What is made of the sequence on the way from its end. Of long sequences no array is to live longer than it is wanted.
    fn turned<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        scanner: &Scanner,
        x: Array<D>,
        gate: Array<D>,
    ) -> Result<Array<D>, OpError> {
        let turned = reverse(pass, &x)?;
        drop(x);
        let driven = scanner.drive(pass, &turned)?;
        drop(turned);
        let turned = reverse(pass, &gate)?;
        drop(gate);
        let y = scanner.scan(pass, &driven, &turned, None)?;
        drop((driven, turned));
        reverse(pass, &y)
    }

    /// v1: one convolution, then a scan each way at rates of its own.
    fn scans<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        rates: ParamId,
        x: &Array<D>,
        gate: &Array<D>,
    ) -> Result<Array<D>, OpError> {
        let walk = |pass: &mut Pass<'_, D>, array: &Array<D>| match self.reversed {
            true => reverse(pass, array),
            false => Ok(array.clone()),
        };
        let [x, gate] = [walk(pass, x)?, walk(pass, gate)?];
        let driven = self.ahead.drive(pass, &x)?;
        let ahead = self.ahead.scan(pass, &driven, &gate, None)?;
        let Driven { x, delta, b, c } = &driven;
        let turned = Driven {
            x: reverse(pass, x)?,
            delta: reverse(pass, delta)?,
            b: reverse(pass, b)?,
            c: reverse(pass, c)?,
        };
        let gate = reverse(pass, &gate)?;
        let back = self.ahead.scan(pass, &turned, &gate, Some(rates))?;
        let back = reverse(pass, &back)?;
        let y = add(pass.tape, &ahead, &back)?;
        walk(pass, &y)
    }
}

/// Every sequence last frame first.
fn reverse<D: Backend>(pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    let [batch, time, _] = x.dims("vision_mamba", "x")?;
    reverse_padded(pass.tape, x, &vec![time; batch])
}
