//! Multi-head self-attention with biased projections.

use kernels::attention::{Attention, Scores, attention};
use kernels::{Array, Backend, OpError};

use super::{Linear, Pass, Scope};

/// softmax(q kᵀ / √P) v over the valid frames, per head.
#[derive(Debug, Clone)]
pub struct SelfAttention {
    key: Linear,
    value: Linear,
    query: Linear,
    output: Linear,
    heads: usize,
    head_dim: usize,
    dropout: f32,
}

impl SelfAttention {
    /// Parameters `k_proj`, `v_proj`, `q_proj`, `out_proj`, each with bias.
    pub fn declare(scope: &mut Scope<'_>, width: usize, heads: usize, std: f32, dropout: f32) -> Self {
        let mut projection = |name: &str| Linear::normal(&mut scope.child(name), width, width, std);
        SelfAttention {
            key: projection("k_proj"),
            value: projection("v_proj"),
            query: projection("q_proj"),
            output: projection("out_proj"),
            heads,
            head_dim: width / heads,
            dropout,
        }
    }

    /// # Shapes
    /// x [B, T, width], `lens` valid frames per row → [B, T, width]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let q = self.query.forward(pass, x)?;
        let k = self.key.forward(pass, x)?;
        let v = self.value.forward(pass, x)?;
        let (dropout, seed) = pass.dropout(self.dropout);
        let settings = Attention {
            heads: self.heads,
            scale: 1.0 / (self.head_dim as f32).sqrt(),
            lens: lens.to_vec(),
            queries: pass.queries(),
            causal: false,
            dropout,
            seed,
            scores: Scores::Tiles,
        };
        let mixed = attention(pass.tape, &q, &k, &v, settings)?;
        self.output.forward(pass, &mixed)
    }
}
