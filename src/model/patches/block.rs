//! One layer of a vision transformer (timm's, with its names).

use kernels::add::add;
use kernels::attention::{Attention, Scores, attention};
use kernels::{Array, Backend, OpError};

use crate::nn::{FeedForward, LayerNorm, Linear, Pass, Scope};

/// timm's, in all its transformers.
pub(super) const NORM_EPS: f32 = 1e-6;

/// x + attention(norm(x)), then x + mlp(norm(x)).
#[derive(Debug, Clone)]
pub(super) struct Block {
    norms: [LayerNorm; 2],
    qkv: Linear,
    projection: Linear,
    mlp: FeedForward,
    width: usize,
    heads: usize,
    scores: Scores,
}

impl Block {
    /// Parameters `norm1`, `attn.qkv`, `attn.proj`, `norm2`, `mlp.fc1`, `mlp.fc2`.
    pub fn declare(scope: &mut Scope<'_>, width: usize, heads: usize, inner: usize, scores: Scores) -> Self {
        let linear = |scope: &mut Scope<'_>, name: &str, outputs: usize| {
            Linear::normal(&mut scope.child("attn").child(name), width, outputs, super::TOKEN_STD)
        };
        let first = LayerNorm::declare(&mut scope.child("norm1"), width, NORM_EPS);
        let qkv = linear(scope, "qkv", 3 * width);
        let projection = linear(scope, "proj", width);
        let second = LayerNorm::declare(&mut scope.child("norm2"), width, NORM_EPS);
        let mlp = FeedForward::timm(&mut scope.child("mlp"), width, inner, super::TOKEN_STD);
        Block { norms: [first, second], qkv, projection, mlp, width, heads, scores }
    }

    /// # Shapes
    /// x [B, T, width] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let x = self.mix(pass, x)?;
        let normed = pass.within("norm2", |pass| self.norms[1].forward(pass, &x))?;
        let fed = pass.within("mlp", |pass| self.mlp.forward(pass, &normed))?;
        add(pass.tape, &x, &fed)
    }

    /// x + attention(norm(x)); what is made on the way is gone behind it.
    fn mix<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let normed = pass.within("norm1", |pass| self.norms[0].forward(pass, x))?;
        let mixed = pass.within("attn", |pass| self.attend(pass, &normed))?;
        add(pass.tape, x, &mixed)
    }

    fn attend<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let [batch, time, width] = x.dims("attention", "x")?;
        let split = self.qkv.forward_split(pass, x, &[self.width; 3])?;
        let [q, k, v] = &split[..] else { unreachable!("three widths were asked for") };
        let settings = Attention {
            heads: self.heads,
            scale: 1.0 / ((width / self.heads) as f32).sqrt(),
            lens: vec![time; batch],
            queries: pass.queries(),
            causal: false,
            dropout: 0.0,
            seed: 0,
            scores: self.scores,
        };
        let mixed = attention(pass.tape, q, k, v, settings)?;
        self.projection.forward(pass, &mixed)
    }
}
