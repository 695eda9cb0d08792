//! Finite scalar quantisation (Mentzer et al. 2023, arXiv 2309.15505): each dimension is squeezed between as many whole numbers as it has levels, and
//! the numbers of a group together are one code.
//!
//! With L levels, s = (L − 1)/2 · (1 − 10⁻³), o = ½ where L is even and else 0: q = round(s tanh(x + tan(o/s)) − o), halves to even, from −⌊L/2⌋ to
//! ⌈L/2⌉ − 1. A code is Σ (q + ⌊L/2⌋) b with b the product of the levels before, and the values of a code are q/⌊L/2⌋.

/// How a group of dimensions is quantised.
#[derive(Debug, Clone)]
pub(super) struct Group(Vec<Scalar>);

/// How one dimension is.
#[derive(Debug, Clone, Copy)]
struct Scalar {
    levels: usize,
    scale: f32,
    offset: f32,
    shift: f32,
    /// What a step is worth in a code.
    base: usize,
}

/// How far from the outermost levels' edges the ends of tanh stay.
const INSIDE: f32 = 1.0 - 1e-3;

impl Group {
    /// A group whose dimensions have these levels.
    pub fn new(levels: &[usize]) -> Self {
        let mut base = 1;
        let scalar = |&levels: &usize| {
            let scale = (levels - 1) as f32 / 2.0 * INSIDE;
            let offset: f32 = if levels.is_multiple_of(2) { 0.5 } else { 0.0 };
            let scalar = Scalar { levels, scale, offset, shift: (offset / scale).tan(), base };
            base *= levels;
            scalar
        };
        Group(levels.iter().map(scalar).collect())
    }

    /// Dimensions.
    pub fn width(&self) -> usize {
        self.0.len()
    }

    /// The code of a group's values; NaN has none.
    pub fn code(&self, values: &[f32]) -> Option<u16> {
        let mut code = 0;
        for (scalar, &x) in self.0.iter().zip(values) {
            let q = nearest(scalar.scale * (x + scalar.shift).tanh() - scalar.offset)?;
            code += (q + scalar.half() as i32) as usize * scalar.base;
        }
        u16::try_from(code).ok()
    }

    /// The values that a code stands for, all in [−1, 1].
    pub fn values(&self, code: u16) -> impl Iterator<Item = f32> {
        self.0.iter().map(move |scalar| {
            let digit = usize::from(code) / scalar.base % scalar.levels;
            (digit as f32 - scalar.half() as f32) / scalar.half() as f32
        })
    }
}

impl Scalar {
    fn half(self) -> usize {
        self.levels / 2
    }
}

/// The nearest whole number, of two as near as each other the even one.
fn nearest(x: f32) -> Option<i32> {
    (!x.is_nan()).then(|| x.round_ties_even() as i32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Group, nearest};
    use crate::model::weights::read_tensors;

    const LEVELS: [usize; 4] = [8, 5, 5, 5];

    /// The values whose code is what is counted: the middle of each level, before tanh.
    fn middle(group: &Group, code: u16) -> Vec<f32> {
        let inside = |(scalar, value): (&super::Scalar, f32)| {
            let q = value * scalar.half() as f32;
            ((q + scalar.offset) / scalar.scale).clamp(-0.9999, 0.9999).atanh() - scalar.shift
        };
        group.0.iter().zip(group.values(code)).map(inside).collect()
    }

    #[test]
    fn codes_and_values_stand_for_each_other() {
        let group = Group::new(&LEVELS);
        let mut seen = BTreeSet::new();
        for code in 0..1_000 {
            let values: Vec<f32> = group.values(code).collect();
            assert!(values.iter().all(|value| (-1.0..=1.0).contains(value)), "{code}: {values:?}");
            seen.insert(values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
            assert_eq!(group.code(&middle(&group, code)), Some(code));
        }
        assert_eq!(seen.len(), 1_000);
    }

    #[test]
    fn the_ends_are_the_outermost_levels() {
        let group = Group::new(&LEVELS);
        let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
        assert_eq!(group.code(&[low; 4]), Some(0));
        assert_eq!(group.code(&[high; 4]), Some(999));
        assert_eq!(group.code(&[high, low, low, low]), Some(7));
        assert_eq!(group.code(&[low, high, low, low]), Some(4 * 8));
        assert_eq!(group.code(&[low, low, low, high]), Some(4 * 200));
        assert_eq!(group.code(&[f32::MAX, f32::MIN, 1e9, -1e9]), Some(7 + 4 * 40));
        assert_eq!(group.values(0).collect::<Vec<_>>(), [-1.0; 4]);
        // Of an even number of levels the upper half has one fewer.
        assert_eq!(group.values(999).collect::<Vec<_>>(), [0.75, 1.0, 1.0, 1.0]);
        assert_eq!(group.code(&[f32::NAN, 0.0, 0.0, 0.0]), None);
    }

    #[test]
    fn zero_is_a_level_and_halves_go_to_the_even_one() {
        let group = Group::new(&LEVELS);
        // tan(o/s) is not atanh(o/s), so that zero comes out a little above a level of its own: s tanh(tan(o/s)) − o, nearly 0.
        let code = group.code(&[0.0; 4]).unwrap();
        assert_eq!(group.values(code).collect::<Vec<_>>(), [0.0; 4]);
        assert_eq!(code, 4 + 2 * 8 + 2 * 40 + 2 * 200);
        let halves = [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (-2.5, -2), (0.500_001, 1)];
        for (x, want) in halves {
            assert_eq!(nearest(x), Some(want), "{x}");
        }
    }

    #[test]
    fn codes_are_those_of_the_formula_in_pytorch() {
        let folder = crate::checkout().join("tests/parity/nemo");
        let golden = read_tensors(&folder.join("outputs.safetensors")).unwrap();
        let group = Group::new(&LEVELS);
        let codes: Vec<f32> = golden["scattered"]
            .1
            .chunks_exact(4)
            .map(|values| f32::from(group.code(values).expect("no NaN")))
            .collect();
        assert_eq!(codes, golden["scattered.codes"].1);
        let every: Vec<f32> = (0..1_000).flat_map(|code| group.values(code).collect::<Vec<_>>()).collect();
        assert_eq!(every, golden["every.values"].1);
    }
}
