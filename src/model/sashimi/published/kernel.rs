//! S4's kernels: from the parameters of any version to those of ours, C̃, ln dt, B, P, ln(−Re Λ) and Im Λ, with A = diag(Λ) − P P*.
//!
//! Versions differ in how Λ is held (two halves of a logarithm and an imaginary part, or complex numbers that nothing keeps from growing),
//! in the sign of its imaginary part, in the function behind dt, and in whether the second low-rank vector Q is P's conjugate by
//! construction. Not for: C̃ itself, which is of the same length as the file's.

use std::collections::BTreeMap;

use super::Refusal;
use super::names::Sorted;
use crate::model::weights::Tensors;

/// How far Q may be from P's conjugate, relative to the largest number of P: a few roundings in single precision.
const SAME: f32 = 1e-6;
/// Of so many layers it is said what they need; the others are counted.
const SHOWN: usize = 2;

type Tensor = (Vec<usize>, Vec<f32>);

/// What a file says about its kernels besides their parameters.
#[derive(Debug, Default)]
pub struct Kernels {
    /// How many samples C̃ stands for, by the kernel's prefix; nothing where the file does not say it.
    pub periods: BTreeMap<String, Option<Period>>,
    /// They hold dt under the name it has had since 2023, when the function behind it became a setting.
    pub later: bool,
}

/// Why a kernel cannot be ours.
enum Lack {
    /// A parameter is not there.
    Missing(&'static str),
    /// What ours would need to hold it.
    Needs(String),
}

/// A kernel in our terms: parameters by our last names.
type Kernel = Vec<(&'static str, Tensor)>;

/// How the file says what C̃ stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// In a buffer of its own.
    Samples(usize),
    /// By the number of nodes on the unit circle, from 0 to half of it: of an even length and the odd one after it as many.
    Nodes(usize),
}

impl Period {
    /// Whether it is this number of samples.
    pub fn is(self, samples: usize) -> bool {
        match self {
            Period::Samples(said) => said == samples,
            Period::Nodes(nodes) => samples / 2 + 1 == nodes,
        }
    }

    /// The samples; of two lengths the even one.
    pub fn samples(self) -> usize {
        match self {
            Period::Samples(samples) => samples,
            Period::Nodes(nodes) => 2 * nodes.saturating_sub(1),
        }
    }
}

/// The function from a parameter to dt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOf {
    Exp,
    /// ln(1 + exp): the authors' programs since 2023 where nothing else is asked for.
    Softplus,
}

/// Brings all kernels of a model into our terms and among its other tensors.
///
/// # Errors
/// What ours would need to hold them.
pub fn convert(sorted: Sorted, step_of: StepOf) -> Result<(Tensors, Kernels), Refusal> {
    let Sorted { mut tensors, kernels } = sorted;
    let (mut told, mut needs) = (Kernels::default(), Vec::<String>::new());
    for (prefix, raw) in kernels {
        told.later |= raw.contains_key("inv_dt");
        match period(&raw).and_then(|period| Ok((period, one(raw, step_of)?))) {
            Ok((period, kernel)) => {
                tensors.extend(kernel.into_iter().map(|(last, tensor)| (format!("{prefix}{last}"), tensor)));
                told.periods.insert(prefix, period);
            }
            Err(Lack::Needs(need)) => needs.push(format!("{need}, in `{}`", prefix.trim_end_matches('.'))),
            Err(Lack::Missing(name)) => {
                return Err(Refusal::Unknown(format!("it has no `{prefix}{name}`")));
            }
        }
    }
    let more = needs.len().saturating_sub(SHOWN);
    needs.truncate(SHOWN);
    needs.extend((more > 0).then(|| format!("the like in {more} more layers")));
    if needs.is_empty() { Ok((tensors, told)) } else { Err(Refusal::Needs(needs)) }
}

fn one(mut raw: Tensors, step_of: StepOf) -> Result<Kernel, Lack> {
    let low_rank = low_rank(&mut raw)?;
    let (real, imaginary) = poles(&mut raw)?;
    let steps = steps(&mut raw, step_of)?;
    let (b, c) = (take(&mut raw, "B")?, take(&mut raw, "C")?);
    Ok(vec![
        ("log_w_real", real),
        ("w_imag", imaginary),
        ("P", low_rank),
        ("log_dt", steps),
        ("B", b),
        ("C", c),
    ])
}

fn take(raw: &mut Tensors, name: &'static str) -> Result<Tensor, Lack> {
    raw.remove(name).ok_or(Lack::Missing(name))
}

fn period(raw: &Tensors) -> Result<Option<Period>, Lack> {
    if let Some((_, values)) = ["L", "l_kernel"].iter().find_map(|name| raw.get(*name)) {
        return match values.first().map_or(0, |samples| *samples as usize) {
            0 => Err(Lack::Needs(
                "a C that stands for no length yet (`L` is 0): the program that wrote it had not run the model"
                    .into(),
            )),
            samples => Ok(Some(Period::Samples(samples))),
        };
    }
    Ok(raw.get("omega").and_then(|(dims, _)| dims.first()).map(|nodes| Period::Nodes(*nodes)))
}

/// P, if A = diag(Λ) − P Qᵀ is what ours is: Q the conjugate of P.
fn low_rank(raw: &mut Tensors) -> Result<Tensor, Lack> {
    let (dims, p) = take(raw, "P")?;
    if let Some(rank) = dims.first().filter(|rank| **rank > 1) {
        return Err(Lack::Needs(format!("a low-rank part of rank {rank} (`P` is {dims:?})")));
    }
    if let Some((_, q)) = raw.remove("Q") {
        let largest = p.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        // Real and imaginary parts take turns.
        let apart = p.as_chunks::<2>().0.iter().zip(q.as_chunks::<2>().0);
        let furthest =
            apart.fold(0.0_f32, |most, ([a, b], [c, d])| most.max((a - c).abs()).max((b + d).abs()));
        if q.len() != p.len() || furthest > SAME * largest {
            return Err(Lack::Needs(format!(
                "a system A = diag(Λ) − P Qᵀ with a Q of its own (it is up to {furthest:.1e} from P's conjugate, whose largest number is {largest:.1e})"
            )));
        }
    }
    Ok((dims, p))
}

/// ln(−Re Λ) and Im Λ.
fn poles(raw: &mut Tensors) -> Result<(Tensor, Tensor), Lack> {
    if let Some((dims, values)) = raw.remove("w") {
        let pairs = values.as_chunks::<2>().0;
        let growing = pairs.iter().filter(|[real, _]| *real >= 0.0 || real.is_nan()).count();
        if growing > 0 {
            return Err(Lack::Needs(format!(
                "poles that do not decay ({growing} of {} have a real part that is not below 0): ours are −exp(`log_w_real`)",
                pairs.len()
            )));
        }
        let dims = dims[..dims.len().saturating_sub(1)].to_vec();
        let real = pairs.iter().map(|[real, _]| (-real).ln()).collect();
        return Ok(((dims.clone(), real), (dims, pairs.iter().map(|[_, imaginary]| *imaginary).collect())));
    }
    let real = ["log_w_real", "inv_w_real", "A_real"].iter().find_map(|name| raw.remove(*name));
    let real = real.ok_or(Lack::Missing("log_w_real"))?;
    let imaginary = match raw.remove("A_imag") {
        Some((dims, values)) => (dims, values.into_iter().map(|value| -value).collect()),
        None => take(raw, "w_imag")?,
    };
    Ok((real, imaginary))
}

/// ln dt of each head.
fn steps(raw: &mut Tensors, step_of: StepOf) -> Result<Tensor, Lack> {
    let Some((dims, values)) = raw.remove("inv_dt") else { return take(raw, "log_dt") };
    if let Some(each) = dims.get(1).filter(|each| **each > 1) {
        return Err(Lack::Needs(format!("a step size for each of {each} states (`dt_tie = false`)")));
    }
    let heads = values.len();
    let values = match step_of {
        StepOf::Exp => values,
        StepOf::Softplus => {
            values.into_iter().map(|value| f64::from(value).exp().ln_1p().ln() as f32).collect()
        }
    };
    Ok((vec![heads], values))
}
