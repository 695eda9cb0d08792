//! What cepstra of speech are like: over every frame of every fourth line of the bundled corpus' training list, as a test finds them.

use super::scalars::COEFFICIENTS;

/// The mean of each.
pub(super) const MEANS: [f32; COEFFICIENTS] = [
    -48.841, 8.614, 1.999, 3.589, -1.390, -1.122, -0.467, -2.012, -0.570, -0.543, -0.147, -0.615, -0.552,
    0.536, -1.386, 0.316, -0.583, -0.355, -0.638, 0.446, -0.849, 0.321, -0.671, 0.601, -0.663, 0.415, -0.165,
    0.080, -0.386,
];

/// The standard deviation of each.
pub(super) const SPREADS: [f32; COEFFICIENTS] = [
    17.438, 8.740, 4.702, 5.954, 4.942, 4.255, 4.852, 4.060, 3.213, 3.002, 2.380, 2.849, 2.637, 2.494, 2.485,
    2.431, 2.460, 2.473, 2.359, 2.187, 2.161, 2.138, 1.952, 1.748, 1.866, 1.621, 1.705, 1.599, 1.464,
];
