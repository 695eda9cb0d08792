//! What utterances are compared by: a vector of each, from its sound or its codes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use kernels::Cpu;

use super::listener::{Listener, mean};
use crate::audio::{self, features::MelSizes, features::Mfcc};
use crate::cli::Talk;
use crate::cli::arguments::{SimilarArguments, SimilarFeatures};
use crate::cli::checkpoint::Named;
use crate::cli::coding::open;
use crate::cli::failure::{self, Failure};
use crate::cli::predict::heard;
use crate::codec::artifact::{Artifact, Form};
use crate::codec::{Codec, recording};
use crate::model::Model;

/// The rate that cepstra are taken at, that of the reference.
const MFCC_HZ: u32 = 24_000;
/// Cepstra, as many as torchaudio makes.
const CEPSTRA: usize = 40;

/// Where vectors come from.
pub(super) enum Features {
    /// The mean over frames of cepstra.
    Mfcc { mfcc: Box<Mfcc>, sound: Sound },
    /// The mean over frames of the codebooks' rows.
    Codec { codec: Box<dyn Codec + Sync>, codes: PathBuf },
    /// The share of frames that have each code, level by level.
    Histogram { codes: PathBuf },
    /// What a model of codes holds codes to stand for.
    Response { listener: Box<Listener>, codes: PathBuf },
    /// What it has in mind while it hears them.
    Hidden { listener: Box<Listener>, codes: PathBuf },
    /// What a classifier of speakers stands on.
    Speaker { named: Box<Named>, model: Box<Model<Cpu>>, sound: Sound },
}

/// Where sound comes from.
pub(super) enum Sound {
    Files(PathBuf),
    Codes(PathBuf, Box<dyn Codec + Sync>),
}

impl Features {
    /// Opens what is asked for.
    pub fn open(arguments: &SimilarArguments, talk: Talk) -> Result<Self, Failure> {
        let refused = |message: &str, help: &str| {
            Err(Failure::new(failure::REQUEST, message.to_owned()).help(help.to_owned()))
        };
        let of_sound = matches!(arguments.features, SimilarFeatures::Mfcc | SimilarFeatures::Speaker);
        if !of_sound && arguments.audio.is_some() {
            return refused("`--audio` is for features of sound", "name the folder of codes: `--codes DIR`");
        }
        let listens = matches!(
            arguments.features,
            SimilarFeatures::Speaker | SimilarFeatures::Response | SimilarFeatures::Hidden
        );
        if arguments.run.is_some() && !listens {
            return refused(
                "`--run` is for `--features speaker`, `response` and `hidden`",
                "name one of them, or leave `--run` out",
            );
        }
        let decodes = arguments.features == SimilarFeatures::Codec || of_sound && arguments.codes.is_some();
        if arguments.codec.weights.is_some() && !decodes {
            return refused("`--weights` is for codes that are decoded", "leave it out");
        }
        kernels::threads::start(1);
        let codec = || open(arguments.codec.backend(), arguments.codec.weights.as_deref(), None);
        let sound = || match (&arguments.audio, &arguments.codes) {
            (Some(audio), _) => Ok(Sound::Files(audio.clone())),
            (None, Some(codes)) => Ok(Sound::Codes(codes.clone(), codec()?)),
            (None, None) => Err(Failure::new(failure::REQUEST, "there is no sound to compare")
                .help("name its folder: `--audio DIR`, or `--codes DIR` to decode codes")),
        };
        let codes = || {
            arguments.codes.clone().ok_or_else(|| {
                Failure::new(failure::REQUEST, "there are no codes to compare")
                    .help("name their folder: `--codes DIR`")
            })
        };
        let run = |missing: &str| {
            arguments.run.as_deref().ok_or_else(|| {
                Failure::new(failure::REQUEST, missing.to_owned())
                    .help("name its run: `--run results/runs/NAME-HASH`")
            })
        };
        Ok(match arguments.features {
            SimilarFeatures::Mfcc => {
                let mfcc = Mfcc::new(&MelSizes::torchaudio(MFCC_HZ), CEPSTRA)
                    .map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
                Features::Mfcc { mfcc: Box::new(mfcc), sound: sound()? }
            }
            SimilarFeatures::Codec => Features::Codec { codes: codes()?, codec: codec()? },
            SimilarFeatures::Histogram => Features::Histogram { codes: codes()? },
            SimilarFeatures::Response | SimilarFeatures::Hidden => {
                let run = run("there is no model of codes to listen with")?;
                let (codes, listener) = (codes()?, Box::new(Listener::open(run, talk)?));
                match arguments.features {
                    SimilarFeatures::Response => Features::Response { listener, codes },
                    _ => Features::Hidden { listener, codes },
                }
            }
            SimilarFeatures::Speaker => {
                let run = run("there is no classifier of speakers to listen with")?;
                let named = Named::called(run, talk)?;
                if named.plan.model.classes().is_empty() {
                    let message = format!("`{}` does not classify", named.name);
                    return Err(Failure::new(failure::REQUEST, message)
                        .help("name a run of a classifier, such as `speakers_librispeech`"));
                }
                let model = Box::new(named.model(&Cpu::default())?);
                Features::Speaker { named: Box::new(named), model, sound: sound()? }
            }
        })
    }

    /// The files that have the utterances of a speaker, by their ids.
    ///
    /// # Errors
    /// The speaker's folder cannot be read.
    pub fn files(&self, group: &str, speaker: &str) -> std::io::Result<HashMap<String, PathBuf>> {
        let (root, is_one): (_, fn(&Path) -> bool) = match self {
            Features::Mfcc { sound: Sound::Files(root), .. }
            | Features::Speaker { sound: Sound::Files(root), .. } => (root, |path| Form::of(path).is_none()),
            Features::Mfcc { sound: Sound::Codes(root, _), .. }
            | Features::Speaker { sound: Sound::Codes(root, _), .. }
            | Features::Codec { codes: root, .. }
            | Features::Response { codes: root, .. }
            | Features::Hidden { codes: root, .. }
            | Features::Histogram { codes: root } => (root, |path| Form::of(path).is_some()),
        };
        let mut paths: Vec<PathBuf> = fs::read_dir(root.join(group).join(speaker))?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        paths.retain(|path| is_one(path) && path.is_file());
        // Of several files with one name the last one in order stays.
        paths.sort();
        let id = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(paths.into_iter().map(|path| (id(&path), path)).collect())
    }

    /// The vector of an utterance, whose text is known or not; why there is none, as a sentence.
    pub fn of(&self, path: &Path, text: Option<&str>) -> Result<Vec<f32>, String> {
        match self {
            Features::Mfcc { mfcc, sound } => {
                let (rate_hz, samples) = sound.read(path)?;
                let samples =
                    audio::resample_by_sinc(&samples, rate_hz, MFCC_HZ).map_err(|why| about(path, why))?;
                Ok(mean(&mfcc.run(&samples), CEPSTRA))
            }
            Features::Codec { codec, .. } => {
                let artifact = artifact(path)?;
                if artifact.kind != codec.kind() {
                    return Err(about(path, format!("it has codes of {}", artifact.kind)));
                }
                match codec.rows(&artifact.codes).map_err(|error| about(path, error))? {
                    Some((width, rows)) => Ok(mean(&rows, width)),
                    None => Err(about(path, "its codec does not tell what is in its codebooks")),
                }
            }
            Features::Response { listener, .. } => {
                listener.response(&artifact(path)?).map_err(|why| about(path, why))
            }
            Features::Hidden { listener, .. } => {
                listener.hidden(&artifact(path)?, text).map_err(|why| about(path, why))
            }
            Features::Histogram { .. } => Ok(histogram(&artifact(path)?)),
            Features::Speaker { named, model, sound } => {
                let (rate_hz, samples) = sound.read(path)?;
                let samples = audio::resample(samples, rate_hz, named.plan.data.sample_rate_hz)
                    .map_err(|why| about(path, why))?;
                if samples.len() < named.plan.model.min_samples() {
                    return Err(about(path, "it is too short for the classifier"));
                }
                let made = heard(&named.plan, model, samples, &Cpu::default())
                    .map_err(|failure| about(path, failure.words()))?;
                let pooled = made.pooled.ok_or_else(|| about(path, "nothing stands under the classifier"))?;
                Ok(pooled.to_vec())
            }
        }
    }
}

impl Sound {
    fn read(&self, path: &Path) -> Result<(u32, Vec<f32>), String> {
        match self {
            Sound::Files(_) => audio::read_as_recorded(path).map_err(|error| error.to_string()),
            Sound::Codes(_, codec) => {
                recording::decode(&**codec, &artifact(path)?, None).map_err(|error| about(path, error))
            }
        }
    }
}

fn artifact(path: &Path) -> Result<Artifact, String> {
    Artifact::read(path).map_err(|error| error.to_string())
}

fn about(path: &Path, why: impl std::fmt::Display) -> String {
    format!("cannot use `{}`: {why}", path.display())
}

/// For each level how often it has each code, as shares of the frames.
fn histogram(artifact: &Artifact) -> Vec<f32> {
    let (codes, size) = (&artifact.codes, usize::from(artifact.kind.largest_code()) + 1);
    let mut counts = vec![0.0; codes.levels() * size];
    for (level, counts) in counts.chunks_exact_mut(size).enumerate() {
        codes.level(level).iter().for_each(|code| counts[usize::from(*code)] += 1.0);
    }
    counts.iter().map(|count| count / codes.frames() as f32).collect()
}
