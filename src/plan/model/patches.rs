//! SSAMBA (Shams et al. 2024, arXiv 2405.11831) and SSAST (Gong et al. 2022, arXiv 2110.09784): patches of a spectrogram, every size known.

use serde::Serialize;

use super::{Body, Family, Heads, ModelPlan, Pretrained, divides};
pub use crate::config::PatchTask;
use crate::config::{
    AttentionScores, Behaviour, BimambaType, ClassToken, Filterbank, Patches, Pooling, Pretext, Scene,
    Ssamba, Ssast,
};
use crate::plan::Problem;

/// What a frame of the filterbank hears.
const FRAME_MS: usize = 25;
const FRAMES_PER_SEC: usize = 100;

/// How sound becomes a spectrogram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeaturesPlan {
    pub rate_hz: u32,
    pub bands: usize,
    /// Frames that every clip is brought to.
    pub frames: usize,
    pub mean: f32,
    /// What energies are divided by.
    pub scale: f32,
    /// The log energy behind a clip's end and in masks.
    pub padding: f32,
    /// The widest masks over bands and over frames in training.
    pub masks: [usize; 2],
    pub noise: bool,
}

/// Mamba layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MambaPlan {
    pub inner: usize,
    pub state: usize,
    pub taps: usize,
    pub rank: usize,
    pub directions: BimambaType,
    /// The sum of both directions is halved.
    pub halved: bool,
    /// Layers stand in pairs, the second of which walks the other way round.
    pub paired: bool,
    pub residual: Behaviour,
    pub final_norm: Behaviour,
    pub rms_norm: bool,
    pub class_token: ClassToken,
    pub drop_path: f32,
}

/// What patches go through.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Trunk {
    Mamba(MambaPlan),
    /// A vision transformer with this many heads, inner channels, and tokens before the patches.
    Attention {
        heads: usize,
        inner: usize,
        tokens: usize,
        /// Not written where they are tiled: runs from before there was a choice stay the same runs.
        #[serde(skip_serializing_if = "AttentionScores::is_tiled")]
        scores: AttentionScores,
    },
}

/// What is asked of masked patches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PretextPlan {
    pub masked: usize,
    pub masks: Behaviour,
    pub contrast: Behaviour,
    pub mse_weight: f64,
}

/// A clip in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScenePlan {
    pub seconds: usize,
    pub slices: Behaviour,
}

/// Patches of a spectrogram, and what is learned of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatchesPlan {
    pub task: PatchTask,
    pub features: FeaturesPlan,
    /// Bands and frames of a patch.
    pub shape: [usize; 2],
    /// Bands and frames from one to the next.
    pub stride: [usize; 2],
    /// Patches over bands and over frames in the checkpoint that brings the positions.
    pub source_grid: [usize; 2],
    pub width: usize,
    pub layers: usize,
    pub trunk: Trunk,
    pub pretext: PretextPlan,
    /// Where each second has classes of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scene: Option<ScenePlan>,
    /// The rate of all heads where it is their own.
    pub head_lr: Option<f64>,
    /// Without a CTC head.
    pub heads: Heads,
}

impl PatchesPlan {
    /// Patches over bands and over frames.
    pub fn grid(&self) -> [usize; 2] {
        grid([self.features.bands, self.features.frames], self.shape, self.stride)
    }

    /// Patches of a clip.
    pub fn patches(&self) -> usize {
        let [bands, frames] = self.grid();
        bands * frames
    }

    /// Which tokens, among all, a second's mean is over.
    pub fn of_second(&self, scene: ScenePlan, second: usize) -> Vec<usize> {
        let ([bands, columns], (count, at)) = (self.grid(), self.tokens());
        if scene.slices == Behaviour::Reference {
            let long = (count + self.patches()) / scene.seconds;
            return (second * long..(second + 1) * long).collect();
        }
        // A patch is of the second that its middle lies in.
        let middle = |column: &usize| column * self.stride[1] + self.shape[1] / 2;
        let within: Vec<usize> =
            (0..columns).filter(|column| middle(column) / FRAMES_PER_SEC == second).collect();
        let patches = (0..bands).flat_map(|band| within.iter().map(move |column| band * columns + column));
        patches.map(|patch| if patch < at { patch } else { patch + count }).collect()
    }

    /// Whether a parameter stands below the heads.
    fn is_trunk(&self, name: &str) -> bool {
        name.starts_with("v.") || name == "mask_embed"
    }

    /// Elements of a patch.
    pub fn patch_len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Tokens beside the patches, and how many patches stand before them.
    pub fn tokens(&self) -> (usize, usize) {
        match &self.trunk {
            Trunk::Mamba(MambaPlan { class_token: ClassToken::First, .. }) => (1, 0),
            Trunk::Mamba(MambaPlan { class_token: ClassToken::Middle, .. }) => (1, self.patches() / 2),
            Trunk::Attention { tokens, .. } => (*tokens, 0),
        }
    }
}

/// How often a window of `shape` fits into `extent`, `stride` apart.
fn grid(extent: [usize; 2], shape: [usize; 2], stride: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| match extent[axis].checked_sub(shape[axis]) {
        Some(rest) => rest / stride[axis].max(1) + 1,
        None => 0,
    })
}

impl Family for PatchesPlan {
    fn name(&self) -> &'static str {
        match self.trunk {
            Trunk::Mamba(_) => "ssamba",
            Trunk::Attention { .. } => "ssast",
        }
    }

    /// All tokens, whatever the length: clips are filled up or cut.
    fn frames(&self, _samples: usize) -> usize {
        self.patches() + self.tokens().0
    }

    fn min_samples(&self) -> usize {
        self.features.rate_hz as usize * FRAME_MS / 1000
    }

    fn heads(&self) -> Option<&Heads> {
        (!self.task.pretrains()).then_some(&self.heads)
    }

    fn seconds(&self) -> Option<usize> {
        self.scene.map(|scene| scene.seconds)
    }

    fn normalises(&self) -> bool {
        false
    }

    fn has_fixed_front(&self) -> bool {
        true
    }

    fn is_source(&self, name: &str) -> bool {
        self.is_trunk(name)
    }

    fn own_lr(&self, name: &str) -> Option<f64> {
        self.head_lr.filter(|_| !self.is_trunk(name))
    }

    fn drops(&self) -> Vec<(&'static str, f64)> {
        match &self.trunk {
            Trunk::Mamba(mamba) => vec![("the last layer, for a clip", f64::from(mamba.drop_path))],
            Trunk::Attention { .. } => Vec::new(),
        }
    }

    fn settle(&mut self, _attends: bool) {
        match self.task.pretrains() {
            true => {
                self.heads.classes.clear();
                if self.task == PatchTask::PretrainMpg {
                    self.pretext.contrast = Behaviour::Sound;
                }
                if self.task != PatchTask::PretrainJoint {
                    self.pretext.mse_weight = 0.0;
                }
            }
            false => {
                self.pretext = PretextPlan {
                    masked: 0,
                    masks: Behaviour::Sound,
                    contrast: Behaviour::Sound,
                    mse_weight: 0.0,
                };
            }
        }
    }
}

/// What both models have in common, as it was written.
struct Written<'a> {
    table: &'static str,
    pretrained: &'a str,
    task: PatchTask,
    num_targets: &'a [usize],
    head_lr: f64,
    width: usize,
    layers: usize,
    features: &'a Filterbank,
    patches: &'a Patches,
    pretext: &'a Pretext,
    scene: &'a Scene,
}

/// The model of a `[model.ssamba]` for sound of `rate_hz`, and what is wrong with it.
pub(super) fn ssamba_model(s: &Ssamba, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    let written = Written {
        table: "model.ssamba",
        pretrained: &s.pretrained,
        task: s.task,
        num_targets: &s.num_targets,
        head_lr: s.head_lr,
        width: s.embed_dim,
        layers: s.depth,
        features: &s.features,
        patches: &s.patches,
        pretext: &s.pretext,
        scene: &s.scene,
    };
    if s.if_bidirectional && !s.depth.is_multiple_of(2) {
        let message = format!("layers stand in pairs (`if_bidirectional`), but `depth` is {}", s.depth);
        problems.push(Problem::new("model.ssamba.depth", message, "make it even"));
    }
    if s.drop_path_rate >= 1.0 {
        let message = format!("a rate of {} leaves nothing of the last layer", s.drop_path_rate);
        problems.push(Problem::new("model.ssamba.drop_path_rate", message, "choose a rate below 1"));
    }
    let trunk = Trunk::Mamba(MambaPlan {
        inner: 2 * s.embed_dim,
        state: s.d_state,
        taps: 4,
        rank: s.embed_dim.div_ceil(16),
        directions: s.bimamba_type,
        halved: s.if_divide_out && s.bimamba_type == BimambaType::V2,
        paired: s.if_bidirectional,
        residual: if s.if_bidirectional { s.residual } else { Behaviour::Sound },
        final_norm: s.final_norm,
        rms_norm: s.rms_norm,
        class_token: s.class_token,
        drop_path: s.drop_path_rate as f32,
    });
    model(&written, trunk, rate_hz, problems)
}

/// The model of a `[model.ssast]` for sound of `rate_hz`, and what is wrong with it.
pub(super) fn ssast_model(s: &Ssast, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    let written = Written {
        table: "model.ssast",
        pretrained: &s.pretrained,
        task: s.task,
        num_targets: &s.num_targets,
        head_lr: s.head_lr,
        width: s.embed_dim,
        layers: s.depth,
        features: &s.features,
        patches: &s.patches,
        pretext: &s.pretext,
        scene: &s.scene,
    };
    divides(s.num_heads, s.embed_dim, "model.ssast.num_heads", "embed_dim", problems);
    let tokens = if s.distilled { 2 } else { 1 };
    let trunk = Trunk::Attention {
        heads: s.num_heads,
        inner: s.mlp_ratio * s.embed_dim,
        tokens,
        scores: s.attention,
    };
    model(&written, trunk, rate_hz, problems)
}

fn model(w: &Written<'_>, trunk: Trunk, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    let (shape, stride) = ([w.patches.fshape, w.patches.tshape], [w.patches.fstride, w.patches.tstride]);
    let plan = PatchesPlan {
        task: w.task,
        features: features(w.features, rate_hz),
        shape,
        stride,
        source_grid: grid([w.features.num_mel_bins, w.patches.pretrained_length], shape, shape),
        width: w.width,
        layers: w.layers,
        trunk,
        pretext: PretextPlan {
            masked: w.pretext.mask_patch,
            masks: w.pretext.masks,
            contrast: w.pretext.contrast,
            mse_weight: w.pretext.mse_weight,
        },
        scene: (w.task == PatchTask::FtAvgtok1sec)
            .then_some(ScenePlan { seconds: w.scene.seconds, slices: w.scene.slices }),
        head_lr: (w.head_lr > 0.0).then_some(w.head_lr),
        heads: Heads { vocab_size: 0, blank: 0, classes: w.num_targets.to_vec(), pooling: Pooling::Mean },
    };
    check(w, &plan, problems);
    let pretrained = match w.pretrained {
        "" => Pretrained::None,
        name => Pretrained::Folder(name.to_owned()),
    };
    // Where nothing brings positions, nobody asks for their grid.
    let source_grid = if pretrained == Pretrained::None { plan.grid() } else { plan.source_grid };
    ModelPlan { pretrained, body: Body::Patches(Box::new(PatchesPlan { source_grid, ..plan })) }
}

fn features(f: &Filterbank, rate_hz: u32) -> FeaturesPlan {
    let twice = if f.scale == Behaviour::Sound { 1.0 } else { 2.0 };
    FeaturesPlan {
        rate_hz,
        bands: f.num_mel_bins,
        frames: f.target_length,
        mean: f.dataset_mean as f32,
        scale: (twice * f.dataset_std) as f32,
        padding: if f.padding == Behaviour::Sound { f.dataset_mean as f32 } else { 0.0 },
        masks: [f.freqm, f.timem],
        noise: f.noise,
    }
}

fn check(w: &Written<'_>, plan: &PatchesPlan, problems: &mut Vec<Problem>) {
    let key = |leaf: &str| format!("{}.{leaf}", w.table);
    let features = &plan.features;
    if plan.patches() == 0 {
        problems.push(Problem::new(
            &key("patches.tshape"),
            format!(
                "a patch of {} bands and {} frames does not fit into {} and {}",
                plan.shape[0], plan.shape[1], features.bands, features.frames
            ),
            "make `fshape` and `tshape` smaller, or `target_length` larger",
        ));
        return;
    }
    for (leaf, mask, extent) in [
        ("features.freqm", features.masks[0], features.bands),
        ("features.timem", features.masks[1], features.frames),
    ] {
        if mask > extent {
            let message = format!("a mask of {mask} is wider than the {extent} there are");
            problems.push(Problem::new(&key(leaf), message, format!("{extent} at most")));
        }
    }
    if w.task.pretrains() {
        check_pretext(w, plan, problems);
    } else if w.num_targets.is_empty() {
        let help = "give the classes of each head, for example `num_targets = [35]`";
        problems.push(Problem::new(&key("num_targets"), "there is nothing to classify into", help));
    }
    if let Some(scene) = plan.scene {
        check_scene(w, plan, scene, problems);
    }
}

/// Whether every second has patches, and the seconds one head.
fn check_scene(w: &Written<'_>, plan: &PatchesPlan, scene: ScenePlan, problems: &mut Vec<Problem>) {
    let key = |leaf: &str| format!("{}.{leaf}", w.table);
    if (0..scene.seconds).any(|second| plan.of_second(scene, second).is_empty()) {
        let (frames, seconds) = (plan.features.frames, scene.seconds);
        problems.push(Problem::new(
            &key("scene.seconds"),
            format!("some of {seconds} seconds have no patch in {frames} frames of 10 ms"),
            "raise `target_length`, or lower `seconds`",
        ));
    }
    if w.num_targets.len() > 1 {
        let message = "the seconds of a clip have one head";
        problems.push(Problem::new(&key("num_targets"), message, "give one number of classes"));
    }
}

/// Whether patches can be masked, and told apart.
fn check_pretext(w: &Written<'_>, plan: &PatchesPlan, problems: &mut Vec<Problem>) {
    let (masked, patches) = (plan.pretext.masked, plan.patches());
    // The reference never masks the first and the last patch, and draws one more than it keeps.
    let most = match plan.pretext.masks {
        Behaviour::Sound => patches,
        Behaviour::Reference => patches.saturating_sub(3),
    };
    if masked > most {
        problems.push(Problem::new(
            &format!("{}.pretext.mask_patch", w.table),
            format!("{masked} patches are to be masked, of {patches}"),
            format!("{most} at most"),
        ));
    }
    if plan.stride != plan.shape {
        problems.push(Problem::new(
            &format!("{}.patches.fstride", w.table),
            "patches overlap, so that a masked one could be read from its neighbours",
            "set `fstride` and `tstride` to `fshape` and `tshape`",
        ));
    }
    if !w.num_targets.is_empty() {
        problems.push(Problem::new(
            &format!("{}.num_targets", w.table),
            "pre-training has no classes",
            "leave `num_targets` out, or set `task = \"ft_avgtok\"`",
        ));
    }
}
