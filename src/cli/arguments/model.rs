//! The verbs that ask a trained model: judge, predict, generate, export.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::sampler::Sampling;
use crate::plan::DeviceChoice;
use crate::train::{Split, Wanted};

/// Which part of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    Dev,
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Dev => Split::Dev,
            SplitName::Test => Split::Test,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct ModelArguments {
    /// A run, by its folder or its name in results/runs, with `@best` (default), `@latest`, `@STEP`, or `@FIRST..LAST` for the mean
    /// of the weights of all checkpoints between; a folder that `runner export` wrote; or a checkpoint of the published CALD programs (`model.ckpt-STEP` with `hparams.json`
    /// beside it, or its folder: then the newest, or `@STEP`).
    #[arg(value_name = "MODEL[@best|latest|STEP|FIRST..LAST]")]
    pub model: String,
    /// Read vocabulary, class names and utterances in this corpus, not in the one that the model was trained on.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// For a published checkpoint: hparams over those in its `hparams.json`, for example `asr_use_mamba=True`.
    #[arg(long, value_name = "A=1,B=2")]
    pub hparams: Option<String>,
}

/// Where a trained model computes, whatever it was trained on.
#[derive(Debug, Clone, Copy, Args)]
pub struct DeviceArguments {
    /// Where to compute: `auto`, the first GPU where this program can use one; `cpu`; `cuda`; or `cuda:N`.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DeviceChoice,
}

impl DeviceArguments {
    /// What they ask for.
    pub fn wanted(self) -> Wanted {
        Wanted::by_option(self.device)
    }
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    DeviceChoice::try_from(text.to_owned())
}

#[derive(Debug, Args)]
pub struct EvalArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// The split to judge on.
    #[arg(long, value_enum, default_value = "test")]
    pub split: SplitName,
    /// Judge on the utterances of this meta file of the corpus instead.
    #[arg(long, value_name = "FILE", conflicts_with = "split")]
    pub meta: Option<String>,
    /// Judge the mean of what several models say of each class: the model and these, which are named like it.
    #[arg(long = "with", value_name = "MODEL")]
    pub with: Vec<String>,
    /// Of `@FIRST..LAST`, take the mean of what all checkpoints say, not the mean of their weights; so too with `--with`.
    #[arg(long)]
    pub ensemble: bool,
    /// Judge sound instead: every clip of this folder, such as `runner generate -o DIR` writes, by what the classifier hears in it.
    ///
    /// IS, mIS and mean top-1 confidence of the clips, AM and FID against the classifier's training list, and the classes heard; the same
    /// of its test list, which are clips of people. Such numbers compare only with others by the same checkpoint of the same classifier:
    /// not with published ones, whose classifier is another. FID is also biased upwards where clips are few.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["split", "meta", "with", "ensemble"])]
    pub samples: Option<PathBuf>,
    /// Judge a model of speech instead, by what this recogniser (a run, named as the model is) understands of the split's sentences.
    ///
    /// Word error rates of the recordings, of their mel spectrograms or codes made sound again, of what the model says, and of what it says against the
    /// text of another sentence; mel-cepstral distortion from the recordings. What was said lies in `said` of the output folder, as wav.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["meta", "with", "ensemble", "samples"])]
    pub recogniser: Option<String>,
    /// Judge instead how well a classifier tells voices apart that it need not know: of any two recordings of this list, whether one speaker said both.
    ///
    /// The list is of the format `nltLa`, each line with its speaker as the only label. Compared is what the classifier stands on, by its cosine; the
    /// equal error rate is told of all pairs, and of those with a speaker that is no class of the model.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["split", "meta", "with", "ensemble", "samples", "recogniser"])]
    pub voices: Option<String>,
    /// With `--recogniser`, of a model that draws codes.
    #[command(flatten)]
    pub draws: DrawArguments,
    /// Leave out the clips to which their model gave the least likelihood (40 %) and the most (5 %), as the papers do for models that
    /// draw sample by sample; `clips.json` has the likelihoods.
    #[arg(long, requires = "samples")]
    pub cut: bool,
    /// Folder for `preds.jsonl` and `metrics.json` [default: one in the run's folder].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PredictArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// Sound files: wav, flac, ogg or sph, of any rate.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// How levels or codes are drawn.
#[derive(Debug, Args)]
pub struct DrawArguments {
    /// Draw only from the likeliest levels that together exceed this probability; 1 = from all.
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    pub nucleus_p: f64,
    /// Draw only from so many of the likeliest levels or codes; 0 = from all. Of these the nucleus is taken.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: usize,
    /// Divide the logits by this before each draw.
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    pub temperature: f64,
}

impl DrawArguments {
    /// The same with a seed.
    pub fn sampling(&self, seed: u64) -> Sampling {
        let DrawArguments { nucleus_p, top_k, temperature } = *self;
        Sampling { seed, nucleus_p, top_k, temperature }
    }

    /// The first option that is given, by its name.
    pub fn given(&self) -> Option<&'static str> {
        let plain = Sampling::plain(0);
        let given = [
            ("--nucleus-p", self.nucleus_p != plain.nucleus_p),
            ("--top-k", self.top_k != plain.top_k),
            ("--temperature", self.temperature != plain.temperature),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }
}

#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// A run, by its folder or its name in results/runs, with `@best` (default), `@latest` or `@STEP`; with `--random-init` an experiment's TOML file.
    #[arg(value_name = "MODEL[@best|latest|STEP]", required_unless_present = "weights")]
    pub model: Option<String>,
    /// A checkpoint of the published programs, such as `ckpt_01100000.pt`; what model it is follows from the file.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub weights: Option<PathBuf>,
    /// Take the experiment's model as it is drawn: how fast is it?
    #[arg(long)]
    pub random_init: bool,
    /// Lay the experiment's `[profile.NAME]` over it.
    #[arg(long, value_name = "NAME", requires = "random_init")]
    pub profile: Option<String>,
    /// How many clips to make.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1)]
    pub clips: usize,
    /// Length of each clip, behind the prompt.
    #[arg(long, value_name = "SECS", default_value_t = 1.0)]
    pub seconds: f64,
    /// What a model of speech is to say; given several times, several clips.
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub text: Vec<String>,
    /// The same, each line of this file a clip; empty lines are passed over.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Of a model of several voices, the one that speaks [default: the first].
    #[arg(long, value_name = "NAME")]
    pub speaker: Option<String>,
    /// Of speech: every symbol lasts so many times as long.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub length_scale: f64,
    /// Of speech: write the sentence to standard output while it is made, as wav of unknown length: `… --stream | aplay`.
    #[arg(long, conflicts_with_all = ["output", "file"])]
    pub stream: bool,
    /// Of speech: times that Griffin and Lim's algorithm goes back and forth.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub iterations: usize,
    /// Seed of every draw; a clip depends on it and on its number alone.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub draws: DrawArguments,
    /// A recording that every clip continues.
    #[arg(long, value_name = "FILE")]
    pub prompt: Option<PathBuf>,
    /// Out of noise: by the few steps of `inference_noise_schedule`.
    #[arg(long, conflicts_with = "steps")]
    pub fast: bool,
    /// Out of noise: by so many steps, spread over those of training; 0 = all.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub steps: usize,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// CPU threads; 0 = all of them.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// Folder for the clips; with `--random-init` nothing need be written.
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["random_init", "stream"])]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Folder to write; must be empty or absent.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Leave out what stands on the layers of a model of patches: what is left are its features.
    #[arg(long)]
    pub headless: bool,
}
