use kernels::{Array, Cpu, Tape};

use super::*;
use crate::nn::{Declaration, Mamba1Sizes, Mamba2Sizes, MixerSizes, Pass, Scope};

/// Frame by frame is all at once, whatever else is stepped beside it, and what is remembered does not grow.
#[test]
fn steps_are_the_whole_sequence() {
    let (width, streams, time) = (12, 3, 40);
    let kinds = [
        MixerSizes::Mamba1(Mamba1Sizes { width, inner: 24, state: 5, taps: 4, rank: 3, simple: false }),
        MixerSizes::Mamba2(Mamba2Sizes {
            width,
            inner: 24,
            head_dim: 8,
            state: 6,
            taps: 4,
            chunk: 16,
            simple: false,
        }),
    ];
    for sizes in kinds {
        let mut declared: Vec<Declaration> = Vec::new();
        let mixer = Mixer::declare(&mut Scope::root(&mut declared), sizes, 2);
        let device = Cpu::default();
        let params = Params::draw(&device, &declared, 3).unwrap();
        let u: Vec<f32> =
            (0..streams * time * width).map(|at| ((at * 37 % 101) as f32 - 50.0) / 40.0).collect();
        let mut tape = Tape::silent();
        let whole = mixer.forward(
            &mut Pass::at_rest(&params, &mut tape),
            &Array::from_vec(&device, u.clone(), [streams, time, width]).unwrap(),
        );
        let whole = whole.unwrap().to_vec();
        let step = MixerStep::of(&mixer, &params).unwrap();
        let mut states = vec![0.0; streams * step.state_len()];
        let mut alone = vec![0.0; step.state_len()];
        for t in 0..time {
            let frame = |stream: usize| &u[(stream * time + t) * width..][..width];
            let together: Vec<f32> = (0..streams).flat_map(frame).copied().collect();
            let made = step.step(&together, &mut states);
            for (stream, made) in made.chunks_exact(width).enumerate() {
                let want = &whole[(stream * time + t) * width..][..width];
                let apart = made.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 5e-6, "{sizes:?}, frame {t} of {stream}: {apart}");
            }
            assert_eq!(step.step(frame(1), &mut alone), &made[width..2 * width]);
        }
    }
}

/// The recommended decoder: six mixers of width 384.
#[test]
fn the_published_state_has_its_size() {
    let sizes = Mamba1Sizes { width: 384, inner: 768, state: 16, taps: 4, rank: 24, simple: false };
    let mut declared: Vec<Declaration> = Vec::new();
    let mixer = Mixer::declare(&mut Scope::root(&mut declared), MixerSizes::Mamba1(sizes), 6);
    assert_eq!(declared.iter().map(|declaration| declaration.shape.len()).sum::<usize>(), 963_840);
    let params = Params::draw(&Cpu::default(), &declared, 0).unwrap();
    // 369 kB a stream: 768 · (3 + 16) floats of four bytes in each. The window's fourth value is the frame that comes.
    assert_eq!(6 * MixerStep::of(&mixer, &params).unwrap().state_len() * 4, 350_208);
}
