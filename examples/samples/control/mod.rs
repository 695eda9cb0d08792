//! The control: the same weights, sampled with the kernels that the reference computes on a CPU.
//!
//! Its fallback leaves the conjugate of every pair of states out of the kernel's sum. The kernel that comes of it is no recurrence of few states:
//! the inverse real Fourier transform takes the half sum for the upper half of a real signal's spectrum, and so turns the imaginary part of
//! the complex response by a quarter period. Here the network is stepped with the kernel itself, by convolution with all samples so far:
//! exactly what the network is whose forward pass has that defect. Samples of it are what the defect does to the model's distribution. (The
//! reference draws by a recurrence that is right; its forward pass, and so its losses, are what was wrong.)
//!
//! Not for: models with `unet`. Start at [`generate`].

mod convolve;
mod kernel;
mod network;
mod parameters;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kernels::{Cpu, threads};
use runner::generate::{Made, Request};
use runner::model::Model;
use runner::model::sampler::Sampler;
use runner::plan::Body;
use runner::task::levels;

use network::{Network, Player};
use parameters::Parameters;

/// Why there is no control.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("a model of this kind has no control: it must draw sample by sample, without `unet`")]
    Kind,
    #[error("a control of {samples} samples is longer than the kernels' period of {most}")]
    TooLong { samples: usize, most: usize },
    #[error("the weights have no `{0}` of the size that the plan says")]
    Parameter(String),
}

/// Clips, and how far each layer's kernels were from the right ones.
pub struct Control {
    pub clips: Vec<Made>,
    /// ‖wrong − right‖ / ‖right‖ of each S4 layer.
    pub kernel_errors: Vec<f64>,
}

/// The clips of a request without a prompt, drawn as the program draws them; `done` is told how many there are, from any thread.
pub fn generate(
    model: &Model<Cpu>,
    request: &Request,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Control, ControlError> {
    let Body::Sashimi(plan) = &model.plan.body else { return Err(ControlError::Kind) };
    let network = Network::new(&Parameters(model), plan, request.samples, false)?;
    let levels = levels(plan);
    let draw = |clip: usize| {
        let (codes, log_likelihood) = draw(&network, request, clip, levels.zero());
        Made {
            waveform: codes.into_iter().map(|code| levels.decode(code)).collect(),
            mean_log_likelihood: Some(log_likelihood / request.samples.max(1) as f64),
        }
    };
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        threads::flush_denormals();
        let mut made = Vec::new();
        loop {
            let clip = next.fetch_add(1, Ordering::Relaxed);
            if clip >= request.clips {
                return made;
            }
            made.push((clip, draw(clip)));
            done(finished.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..request.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut made = work();
        for other in others {
            match other.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_by_key(|(clip, _)| *clip);
    Ok(Control {
        clips: made.into_iter().map(|(_, clip)| clip).collect(),
        kernel_errors: network.kernel_errors,
    })
}

/// The codes of one clip, and ln of the probability of all of them.
fn draw(network: &Network, request: &Request, clip: usize, silence: u32) -> (Vec<u32>, f64) {
    let mut sampler = Sampler::new(request.sampling, [clip as u64]);
    let mut player = Player::new(network);
    let (mut code, mut log_likelihood) = (silence, 0.0);
    let mut codes = Vec::with_capacity(request.samples);
    for _ in 0..request.samples {
        let chosen = sampler.choose(0, player.step(code));
        code = chosen.code;
        codes.push(code);
        log_likelihood += chosen.log_likelihood;
    }
    (codes, log_likelihood)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runner::model::sampler::Sampling;
    use runner::model::sashimi::stream::{StepWeights, Stepper};
    use runner::plan::SashimiPlan;

    use super::*;

    fn model(change: &[&str]) -> (Model<Cpu>, SashimiPlan) {
        let sets = ["model.sashimi.d_state=8", "data.clip_samples=640", "model.sashimi.l_max=640"];
        let sets = sets.iter().chain(change).map(|set| (*set).to_owned()).collect();
        let (plan, model) = crate::source::drawn("experiments/sashimi_sc09.toml".as_ref(), Some("ci"), sets)
            .expect("a model");
        let Body::Sashimi(sashimi) = &plan.model.body else { panic!("a model of raw sound") };
        (model, *sashimi.clone())
    }

    /// How far two networks' logits come apart on the same codes.
    fn apart(model: &Model<Cpu>, plan: &SashimiPlan, conjugates: bool) -> f32 {
        let lookup = |name: &str| {
            let array = model.params.by_name(name)?.array();
            Some((array.shape().dims().to_vec(), array.to_vec()))
        };
        let weights = Arc::new(StepWeights::new(plan, &lookup, &|_, _| {}).expect("a recurrence"));
        let mut stepper = Stepper::new(&weights, 1, 1).expect("a stepper");
        let network = Network::new(&Parameters(model), plan, 400, conjugates).expect("a network");
        let mut player = Player::new(&network);
        let mut most = 0.0f32;
        for t in 0..400u32 {
            let code = t * t % 251;
            let (got, want) = (player.step(code), stepper.step(&[code]).expect("a level"));
            most = got.iter().zip(want).fold(most, |most, (got, want)| most.max((got - want).abs()));
        }
        most
    }

    /// So the control differs from the program by its kernels and nothing else.
    #[test]
    fn with_the_right_kernels_it_is_the_program() {
        for change in
            [&[][..], &["model.sashimi.glu=false", "model.sashimi.norm=scalar"], &["model.sashimi.ff=0"]]
        {
            let (model, plan) = model(change);
            let most = apart(&model, &plan, true);
            assert!(most < 2e-4, "{change:?}: {most}");
            assert!(apart(&model, &plan, false) > 100.0 * most, "{change:?}");
        }
    }

    #[test]
    fn the_kernels_are_off_by_half_and_more() {
        let (model, plan) = model(&["model.sashimi.d_state=64"]);
        let network = Network::new(&Parameters(&model), &plan, 640, false).expect("a network");
        assert_eq!(network.kernel_errors.len(), 3);
        assert!(
            network.kernel_errors.iter().all(|error| (0.5..1.0).contains(error)),
            "{:?}",
            network.kernel_errors
        );
    }

    #[test]
    fn clips_do_not_depend_on_the_threads() {
        let (model, _) = model(&[]);
        let mut request = Request {
            clips: 3,
            samples: 100,
            sampling: Sampling::plain(5),
            prompt: Vec::new(),
            fast: false,
            steps: 0,
            threads: 1,
        };
        let alone = generate(&model, &request, &|_| {}).expect("clips").clips;
        request.threads = 2;
        assert_eq!(generate(&model, &request, &|_| {}).expect("clips").clips, alone);
        assert_ne!(alone[0], alone[1]);
        request.samples = 641;
        let error = generate(&model, &request, &|_| {}).err().expect("too long");
        assert_eq!(error.to_string(), "a control of 641 samples is longer than the kernels' period of 640");
    }
}
