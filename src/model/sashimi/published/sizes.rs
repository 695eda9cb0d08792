//! The sizes of a model, from the shapes of its tensors.
//!
//! Everything but lengths, dropout and the quantiser can be told from shapes: which layers are S4, feed-forward and pools, how wide, how many,
//! gated or not, in one direction or both, with one set of poles for a layer or one for each head.

use std::collections::BTreeSet;

use super::Refusal;
use super::kernel::Period;
use crate::model::weights::Tensors;
use crate::plan::BlockNorm;

/// The tiers' sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes {
    pub width: usize,
    pub blocks: usize,
    pub pool: Vec<usize>,
    pub expand: usize,
    pub feed_forward: usize,
    pub unet: bool,
    pub traits: Traits,
    /// What the file says of each S4 layer's period, with the layer's tier.
    pub periods: Vec<(usize, Option<Period>)>,
}

/// What all S4 blocks of a model have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    pub pairs: usize,
    pub tied: bool,
    pub glu: bool,
    pub bidirectional: bool,
    pub norm: BlockNorm,
}

/// One entry of a list of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Rows and columns of its matrix.
    Pool(usize, usize),
    S4(Traits),
    /// Inner width.
    FeedForward(usize),
}

struct Walk<'a> {
    tensors: &'a Tensors,
    period: &'a dyn Fn(&str) -> Option<Period>,
    /// Prefixes of the layers that were passed.
    passed: BTreeSet<String>,
    traits: Option<Traits>,
    feed_forward: Option<usize>,
    periods: Vec<(usize, Option<Period>)>,
}

type Told<T> = Result<T, Refusal>;

/// Reads the sizes off tensors under our names, whose top tier is `width` wide. `period` says what is known of a kernel by its prefix.
///
/// # Errors
/// The layers are none of SaShiMi's.
pub fn sizes(tensors: &Tensors, width: usize, period: &dyn Fn(&str) -> Option<Period>) -> Told<Sizes> {
    let mut walk = Walk {
        tensors,
        period,
        passed: BTreeSet::new(),
        traits: None,
        feed_forward: None,
        periods: Vec::new(),
    };
    let (mut widths, mut pool, mut expand) = (vec![width], Vec::new(), None);
    let (mut run, mut before) = (Vec::new(), Vec::new());
    for (prefix, layer) in walk.list("sashimi.d_layers")? {
        let (tier, here) = (widths.len() - 1, widths[widths.len() - 1]);
        let Layer::Pool(rows, columns) = layer else {
            run.push((prefix, layer));
            continue;
        };
        before.push(walk.blocks(&std::mem::take(&mut run), tier, here)?);
        pool.push(quotient(columns, here, &prefix)?);
        let wider = quotient(rows, here, &prefix)?;
        if *expand.get_or_insert(wider) != wider {
            return Err(odd(format!("`{prefix}` widens by {wider}, pools before it by another factor")));
        }
        widths.push(rows);
    }
    if let Some((prefix, _)) = run.first() {
        return Err(odd(format!("`{prefix}` is followed by no pooling")));
    }
    let lowest = pool.len();
    let centre = walk.list("sashimi.c_layers")?;
    let blocks = walk.blocks(&centre, lowest, widths[lowest])?;
    let mut after = Vec::new();
    for tier in (0..lowest).rev() {
        let prefix = format!("sashimi.u_layers.{}", lowest - 1 - tier);
        let layers = walk.list(&prefix)?;
        match layers.split_first() {
            Some(((_, Layer::Pool(rows, columns)), rest))
                if (*rows, *columns) == (widths[tier] * pool[tier], widths[tier + 1]) =>
            {
                after.push(walk.blocks(rest, tier, widths[tier])?);
            }
            _ => {
                return Err(odd(format!("`{prefix}.0` does not undo `d_layers`' pooling by {}", pool[tier])));
            }
        }
    }
    let unet = before.iter().any(|count| *count > 0);
    if after.iter().chain(before.iter().filter(|_| unet)).any(|count| *count != blocks) {
        return Err(odd(format!(
            "its tiers have different numbers of S4 blocks: {before:?} before pooling, {blocks} in the middle, {after:?} after it"
        )));
    }
    walk.nothing_apart()?;
    Ok(Sizes {
        width,
        blocks,
        pool,
        expand: expand.unwrap_or(1),
        feed_forward: walk.feed_forward.unwrap_or(0),
        unet,
        traits: walk.traits.ok_or_else(|| odd("it has no S4 layers".into()))?,
        periods: walk.periods,
    })
}

fn odd(what: String) -> Refusal {
    Refusal::Unknown(what)
}

fn quotient(whole: usize, part: usize, prefix: &str) -> Told<usize> {
    match whole.checked_rem(part) {
        Some(0) if whole > 0 => Ok(whole / part),
        _ => Err(odd(format!("`{prefix}` has an extent of {whole}, no multiple of its tier's width {part}"))),
    }
}

impl Walk<'_> {
    fn dims(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(dims, _)| dims.as_slice())
    }

    /// The layers `prefix.0`, `prefix.1`, …
    fn list(&mut self, prefix: &str) -> Told<Vec<(String, Layer)>> {
        let mut layers = Vec::new();
        while let Some(layer) = self.layer(&format!("{prefix}.{}", layers.len()))? {
            let name = format!("{prefix}.{}", layers.len());
            self.passed.insert(name.clone());
            layers.push((name, layer));
        }
        Ok(layers)
    }

    fn layer(&self, prefix: &str) -> Told<Option<Layer>> {
        if let Some([rows, columns, ..]) = self.dims(&format!("{prefix}.linear.weight_v")) {
            return Ok(Some(Layer::Pool(*rows, *columns)));
        }
        if let Some([inner, _, ..]) = self.dims(&format!("{prefix}.layer.ff.0.0.weight")) {
            return Ok(Some(Layer::FeedForward(*inner)));
        }
        match self.dims(&format!("{prefix}.layer.D")) {
            Some(skip) => self.s4(prefix, skip).map(|traits| Some(Layer::S4(traits))),
            None => Ok(None),
        }
    }

    fn s4(&self, prefix: &str, skip: &[usize]) -> Told<Traits> {
        let needs = |what: String| Refusal::Needs(vec![format!("{what}, in `{prefix}`")]);
        let kernel =
            |name: &str| self.dims(&format!("{prefix}.layer.kernel.kernel.{name}")).unwrap_or_default();
        let ([1, heads], [kernels, _, pairs, 2], [sets, _]) = (skip, kernel("C"), kernel("log_w_real"))
        else {
            return Err(needs(format!(
                "`D` of {skip:?}, `C` of {:?} and poles of {:?}",
                kernel("C"),
                kernel("log_w_real")
            )));
        };
        if *sets != 1 && sets != heads {
            return Err(needs(format!(
                "{sets} sets of poles for {heads} heads (ours: one for all, or one for each)"
            )));
        }
        let output = self
            .dims(&format!("{prefix}.layer.output_linear.0.weight"))
            .and_then(|dims| dims.first())
            .ok_or_else(|| needs("an S4 layer without a linear layer behind it".into()))?;
        let scalar = self.dims(&format!("{prefix}.norm.s")).is_some();
        Ok(Traits {
            pairs: *pairs,
            tied: *sets == 1,
            glu: *output == 2 * heads,
            bidirectional: match kernels {
                1 => false,
                2 => true,
                _ => return Err(needs(format!("{kernels} kernels for each head"))),
            },
            norm: if scalar { BlockNorm::Scalar } else { BlockNorm::Layer },
        })
    }

    /// Counts the S4 blocks of a run of blocks, each with a feed-forward block behind it or none of them.
    fn blocks(&mut self, layers: &[(String, Layer)], tier: usize, width: usize) -> Told<usize> {
        for (prefix, layer) in layers {
            self.block(prefix, *layer, tier, width)?;
        }
        let every = if self.feed_forward.is_some() { 2 } else { 1 };
        for (index, (prefix, layer)) in layers.iter().enumerate() {
            if matches!(layer, Layer::S4(_)) != (index % every == 0) {
                return Err(odd(format!(
                    "`{prefix}` is out of turn: blocks of S4 and of feed-forward alternate"
                )));
            }
        }
        match layers.len() % every {
            0 => Ok(layers.len() / every),
            _ => Err(odd(format!(
                "`{}` is an S4 block without a feed-forward block",
                layers[layers.len() - 1].0
            ))),
        }
    }

    /// Holds a block to what is known of others.
    fn block(&mut self, prefix: &str, layer: Layer, tier: usize, width: usize) -> Told<()> {
        match layer {
            Layer::Pool(..) => Err(odd(format!("`{prefix}` is a pool where a block was expected"))),
            Layer::FeedForward(inner) => {
                let factor = quotient(inner, width, prefix)?;
                match self.feed_forward.replace(factor) {
                    Some(other) if other != factor => {
                        Err(odd(format!("`{prefix}` is {factor} times as wide inside, others {other} times")))
                    }
                    _ => Ok(()),
                }
            }
            Layer::S4(traits) => {
                let kernel = format!("{prefix}.layer.kernel.kernel.");
                self.periods.push((tier, (self.period)(&kernel)));
                match self.traits.replace(traits) {
                    Some(others) if others != traits => {
                        Err(odd(format!("`{prefix}` is of another kind than the S4 blocks before it")))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Every tensor of a list belongs to a layer that was passed.
    fn nothing_apart(&self) -> Told<()> {
        let lists = ["sashimi.d_layers.", "sashimi.c_layers.", "sashimi.u_layers."];
        let mut inside = self.tensors.keys().filter(|name| lists.iter().any(|list| name.starts_with(list)));
        let passed = |name: &str| name.match_indices('.').any(|(dot, _)| self.passed.contains(&name[..dot]));
        match inside.find(|name| !passed(name)) {
            Some(name) => Err(odd(format!("its `{name}` belongs to no layer that can be told"))),
            None => Ok(()),
        }
    }
}
