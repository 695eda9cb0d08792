//! `runner eval CLASSIFIER --samples DIR`: clips, judged by what a classifier hears in them.

use std::path::Path;
use std::sync::Arc;

use kernels::Backend;
use serde_json::{Map, Value as Json, json};

use super::Talk;
use super::arguments::EvalArguments;
use super::checkpoint::Named;
use super::clips::{Clip, clips_in};
use super::failure::{self, Failure, make_folder};
use super::run::on_signals;
use crate::audio;
use crate::corpora::Categories;
use crate::quality::{self, FEWEST, Heard, LEAST_TO_CUT, Listener, Scores};
use crate::record::{Count, Values, folder::write_json, preds, units};
use crate::train::{Job, on_device};

/// The clips, beside the real ones that they are compared with.
struct Judged<'a> {
    clips: Vec<Clip>,
    heard: Heard,
    /// Under their names in files: `samples`, `test`, `train`.
    scores: Vec<(&'static str, Scores)>,
    class_names: Vec<String>,
    judge: &'a Named,
}

/// Judges the clips of `folder` and leaves preds.jsonl and metrics.json in the output folder.
pub fn eval_samples(arguments: &EvalArguments, folder: &Path, talk: Talk) -> Result<u8, Failure> {
    let stop = on_signals()?;
    let asked = || stop.requested();
    let clips = chosen(clips_in(folder)?, folder, arguments.cut)?;
    let named = Named::find(&arguments.model, talk)?;
    kernels::threads::start(named.plan.run.threads);
    if named.plan.model.classes().len() > 1 {
        talk.say("the classifier has several heads: the first one judges");
    }
    let judged = on_device!(arguments.device.wanted(), |device| {
        let model = named.model(device)?;
        let listener = Listener::new(device, &model)?.until(&asked);
        judge(&named, &listener, folder, clips, talk)
    })?;
    let output = arguments.output.clone().unwrap_or_else(|| named.dir.join(stem(folder, named.step)));
    judged.write(&output)?;
    if talk.json {
        talk.data(&judged.json(folder, &output));
    } else {
        judged.print();
    }
    talk.say(format_args!(
        "judged by {}@{}: numbers of another classifier, or of another checkpoint of it, do not compare with these",
        named.id, named.step
    ));
    talk.say(format_args!("what was heard in each clip is in {}", output.join("preds.jsonl").display()));
    Ok(0)
}

/// The name of the folder with the results.
fn stem(folder: &Path, step: u64) -> String {
    let name = std::path::absolute(folder).ok();
    let name = name.as_deref().and_then(Path::file_name);
    format!("eval_{}_{step}", name.map_or_else(|| "samples".into(), |name| name.to_string_lossy()))
}

/// The clips to judge: all, or those that the published rule keeps.
fn chosen(clips: Vec<Clip>, folder: &Path, cut: bool) -> Result<Vec<Clip>, Failure> {
    let needed = if cut { LEAST_TO_CUT } else { FEWEST };
    if clips.len() < needed {
        let message = format!("`{}` has {} clips, and {needed} are the least", folder.display(), clips.len());
        return Err(Failure::new(failure::REQUEST, message).help(
            "two halves and a covariance are made of those that count; some hundred give steady numbers",
        ));
    }
    if !cut {
        return Ok(clips);
    }
    let nats = clips.iter().map(|clip| clip.nats.filter(|nats| nats.is_finite()).ok_or(&clip.file));
    let nats = nats.collect::<Result<Vec<f64>, _>>().map_err(|file| {
        let message = format!("nothing says how likely `{}` was to its model", folder.join(file).display());
        Failure::new(failure::REQUEST, message).help(
            "`clips.json` says so of clips that `runner generate` drew sample by sample; leave `--cut` out for others",
        )
    })?;
    Ok(quality::cut(&nats).into_iter().map(|clip| clips[clip].clone()).collect())
}

fn judge<'a, D: Backend>(
    named: &'a Named,
    listener: &Listener<'_, D>,
    folder: &Path,
    clips: Vec<Clip>,
    talk: Talk,
) -> Result<Judged<'a>, Failure> {
    let plan = &named.plan;
    let job = Job::open(plan)?;
    let (mut train, mut test) = (job.train_loader()?, job.test_loader()?);
    let mut tally = talk.tally(heard);
    tally.begin((clips.len() + train.len() + test.len()) as u64, 0);
    // The clips first: a broken one is told before the corpus is heard.
    let sounds = clips.iter().map(|clip| sound(&folder.join(&clip.file), named));
    let of_clips = listener.all(sounds, &mut |done| tally.at(done as u64))?;
    let of_test = listener.corpus(&mut test, &mut |done| tally.at((clips.len() + done) as u64))?;
    let before = clips.len() + of_test.len();
    let of_train = listener.corpus(&mut train, &mut |done| tally.at((before + done) as u64))?;
    tally.finish();
    let sets = [("samples", &of_clips), ("test", &of_test), ("train", &of_train)];
    let scores = sets.into_iter().map(|(name, heard)| Ok((name, quality::score(&of_train, heard)?)));
    let scores = scores.collect::<Result<Vec<_>, Failure>>()?;
    let categories = Categories::read(&Path::new(&plan.data.dir).join(&plan.data.categories_path))?;
    let class_name =
        |class: usize| categories.name(0, class).map_or_else(|| class.to_string(), str::to_owned);
    let class_names = (0..plan.model.classes()[0]).map(class_name).collect();
    Ok(Judged { clips, heard: of_clips, scores, class_names, judge: named })
}

/// A clip as the classifier wants it.
fn sound(path: &Path, named: &Named) -> Result<(String, Arc<[f32]>), Failure> {
    let mut waveform = audio::read(path, named.plan.data.sample_rate_hz)
        .map_err(|error| Failure::new(failure::FAILED, error.to_string()))?;
    let (samples, needed) = (waveform.len(), named.plan.model.min_samples());
    if samples < needed {
        let message =
            format!("`{}` has {samples} samples, but the classifier needs {needed}", path.display());
        return Err(Failure::new(failure::FAILED, message));
    }
    if named.plan.data.normalise {
        audio::normalise(&mut waveform);
    }
    Ok((path.display().to_string(), waveform.into()))
}

/// `412 of 2,351 clips  3 min 10 s left`
fn heard(count: &Count) -> String {
    format!("{} of {} clips  {} left", units::count(count.done), units::count(count.all), count.left())
}

impl Judged<'_> {
    /// Every score under its name in files: `samples/is`, `test/fid`, …
    fn metrics(&self) -> Values {
        let mut metrics = Values::new();
        for (set, scores) in &self.scores {
            let values = [
                ("clips", scores.clips as f64),
                ("is", scores.inception),
                ("mis", scores.modified_inception),
                ("am", scores.am),
                ("fid", scores.fid),
                ("confidence", scores.confidence),
            ];
            metrics.extend(values.map(|(name, value)| (format!("{set}/{name}"), value)));
            for (class, count) in self.class_names.iter().zip(&scores.histogram) {
                metrics.insert(format!("{set}/heard/{class}"), *count as f64);
            }
        }
        metrics
    }

    fn write(&self, output: &Path) -> Result<(), Failure> {
        make_folder(output)?;
        let rows = self.clips.iter().zip(self.heard.told()).map(|(clip, (class, confidence))| {
            json!({"name": clip.file, "heard": self.class_names[class], "confidence": confidence, "nats": clip.nats})
        });
        preds::write(&output.join("preds.jsonl"), rows)?;
        write_json(&output.join("metrics.json"), &self.metrics())?;
        Ok(())
    }

    fn json(&self, folder: &Path, output: &Path) -> Json {
        let of = |scores: &Scores| -> Map<String, Json> {
            self.class_names.iter().cloned().zip(scores.histogram.iter().map(|&count| count.into())).collect()
        };
        let histograms: Map<String, Json> =
            self.scores.iter().map(|(set, scores)| ((*set).to_owned(), of(scores).into())).collect();
        json!({
            "id": self.judge.id, "name": self.judge.name, "dir": output, "state": "finished", "step": self.judge.step,
            "samples": folder, "metrics": self.metrics(), "histograms": histograms,
        })
    }

    fn print(&self) {
        println!(
            "{:<10}{:>8}{:>9}{:>9}{:>9}{:>11}{:>12}",
            "", "clips", "IS", "mIS", "AM", "FID", "confidence"
        );
        for (set, scores) in &self.scores {
            let Scores { clips, inception, modified_inception, am, fid, confidence, .. } = scores;
            println!(
                "{set:<10}{clips:>8}{inception:>9.3}{modified_inception:>9.2}{am:>9.3}{fid:>11.4}{confidence:>12.4}"
            );
        }
        println!();
        println!("{:<10}{:>9}{:>9}{:>9}", "heard", "samples", "test", "train");
        for (class, name) in self.class_names.iter().enumerate() {
            let shares = self.scores.iter().map(|(_, scores)| {
                format!("{:>7.1} %", 100.0 * scores.histogram[class] as f64 / scores.clips as f64)
            });
            println!("{name:<10}{}", shares.collect::<String>());
        }
    }
}
