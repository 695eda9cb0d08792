//! From experiment to plan.

use serde::Serialize;

use super::data::{DataPlan, check_mix, data_plan};
use super::distill::{DistillPlan, distill_plan};
use super::identity::identity;
use super::model::{Body, Heads, ModelPlan, Pretrained, model_plan};
use super::need::{Need, NeedKind};
use super::problem::Problem;
use super::settle::settle;
use super::slurm::{SlurmPlan, slurm_plan};
use super::train::{EvalPlan, OutputPlan, RunPlan, TrainPlan, eval_plan, output_plan, run_plan, train_plan};
use crate::config::{ClassifierLoss, DataFormat, DecayType, Experiment, Metric, Model};

/// Where a run's first state comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Start {
    /// Fresh weights, optimiser and data order.
    Fresh,
    /// Another run's full state after `step` updates.
    Parent {
        #[serde(skip)]
        dir: std::path::PathBuf,
        id: String,
        step: u64,
    },
}

/// Everything that will happen, with nothing left to decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Names the folder; what a run is called does not change what it is.
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub id: String,
    #[serde(skip)]
    pub description: String,
    pub run: RunPlan,
    pub data: DataPlan,
    pub model: ModelPlan,
    pub train: TrainPlan,
    pub distill: Option<DistillPlan>,
    pub eval: EvalPlan,
    #[serde(skip)]
    pub output: OutputPlan,
    /// What its job gets on a cluster. Changes no result.
    #[serde(skip)]
    pub slurm: SlurmPlan,
    pub start: Start,
    pub needs: Vec<Need>,
    /// Attention heads of the teacher that a mixer student learns from.
    pub teacher_heads: usize,
}

impl Plan {
    /// The run's folder name: readable, and unique to its meaning.
    pub fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.id)
    }

    /// The run's folder.
    pub fn dir(&self) -> std::path::PathBuf {
        std::path::Path::new(&self.output.runs_dir).join(self.folder_name())
    }

    /// The model that teaches: the student's with attention in every layer.
    pub fn teacher_model(&self) -> ModelPlan {
        self.model.with_attention(self.teacher_heads)
    }
}

/// Resolves `experiment`, whose needs have been resolved before.
///
/// # Errors
/// Every contradiction found, each with the key to point at.
pub fn resolve(experiment: &Experiment, needs: Vec<Need>) -> Result<Plan, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut model = model_plan(&experiment.model, experiment.data.sr, &mut problems);
    if let Some(source) = needs.iter().find(|need| need.kind == NeedKind::Source) {
        model.pretrained = Pretrained::Run { dir: source.dir.clone(), id: source.id.clone() };
    }
    check_together(experiment, &model, &mut problems);
    let slurm = slurm_plan(experiment.slurm.as_ref(), &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let start = needs
        .iter()
        .find_map(|need| match need.kind {
            NeedKind::Parent { step } => {
                Some(Start::Parent { dir: need.dir.clone(), id: need.id.clone(), step })
            }
            NeedKind::Teacher | NeedKind::Source => None,
        })
        .unwrap_or(Start::Fresh);
    let mut plan = Plan {
        name: experiment.name.clone(),
        id: String::new(),
        description: experiment.description.clone(),
        run: run_plan(&experiment.run),
        data: data_plan(&experiment.data, &experiment.train, &model),
        model,
        train: train_plan(&experiment.train),
        distill: experiment.distill.as_ref().map(|distill| distill_plan(distill, &needs)),
        eval: eval_plan(&experiment.eval),
        output: output_plan(&experiment.output),
        slurm,
        start,
        needs,
        teacher_heads: teacher_heads(&experiment.model),
    };
    settle(&mut plan);
    plan.id = identity(&plan);
    Ok(plan)
}

/// Attention heads of a student's teacher; 0 where the family teaches as it is.
fn teacher_heads(model: &Model) -> usize {
    match model {
        Model::Wav2vec2(wav2vec2) => wav2vec2.num_attention_heads,
        _ => 0,
    }
}

fn check_together(experiment: &Experiment, model: &ModelPlan, problems: &mut Vec<Problem>) {
    match model.heads() {
        Some(heads) => check_heads(experiment, heads, problems),
        None => check_sound(experiment, model, problems),
    }
    check_processes(experiment, problems);
    check_mix(&experiment.data, model, problems);
    check_schedule(experiment, problems);
    check_continuation(experiment, problems);
    check_teacher(experiment, model, problems);
}

/// Whether every process has something to do.
fn check_processes(experiment: &Experiment, problems: &mut Vec<Problem>) {
    let (processes, threads) = (experiment.run.processes, experiment.run.threads);
    let batches = experiment.train.accumulation_steps;
    if processes > batches {
        let batches = if batches == 1 { "one batch".to_owned() } else { format!("{batches} batches") };
        problems.push(Problem::new(
            "run.processes",
            format!("an update has {batches} (`accumulation_steps`) for {processes} processes: some would have nothing to do"),
            "lower `processes` in `[run]`, or raise `accumulation_steps` in `[train]`, which makes larger updates",
        ));
    } else if threads > 0 && processes > threads {
        problems.push(Problem::new(
            "run.processes",
            format!(
                "{processes} processes share {threads} of the CPU's threads (`threads`): some would have none"
            ),
            "lower `processes`, or raise `threads` in `[run]`",
        ));
    }
}

/// Whether the rate can fall as asked.
fn check_schedule(experiment: &Experiment, problems: &mut Vec<Problem>) {
    let train = &experiment.train;
    if let Some(beta) = train.adam_betas.iter().find(|beta| **beta >= 1.0) {
        let message = format!("a mean that keeps {beta} of itself never moves");
        problems.push(Problem::new("train.adam_betas", message, "choose numbers below 1"));
    }
    if train.decay_type == DecayType::Exp && train.final_lr == 0.0 {
        problems.push(Problem::new(
            "train.final_lr",
            "no factor brings a learning rate down to 0",
            "set `final_lr` above 0, or `decay_type = \"linear\"`",
        ));
    }
}

/// Whether a model of sound itself gets clips that it can take, and is judged by what it learns.
fn check_sound(experiment: &Experiment, model: &ModelPlan, problems: &mut Vec<Problem>) {
    let (clip, most) = (experiment.data.clip_samples, model.max_samples().unwrap_or(usize::MAX));
    if clip > most {
        problems.push(Problem::new(
            "data.clip_samples",
            format!("clips have {clip} samples, but the model takes {most} at once (`l_max`)"),
            format!("set `clip_samples = {most}`, or raise `l_max` in `[model.{}]`", model.family()),
        ));
    }
    check_heard(experiment, model, problems);
    if !model.labelled().is_empty() && experiment.data.data_format == DataFormat::Nlt {
        problems.push(Problem::new(
            "data.data_format",
            "voices are told apart by labels, but `data.data_format = \"nlt\"` has none",
            format!("set `data.data_format = \"nltLa\"`, or `speakers = 0` in `[model.{}]`", model.family()),
        ));
    }
    if experiment.eval.select != Metric::Loss {
        problems.push(Problem::new(
            "eval.select",
            format!("`[model.{}]` neither transcribes nor classifies", model.family()),
            "set `select = \"dev/loss\"`",
        ));
    }
}

/// Whether the model can make the clips that are to be heard.
fn check_heard(experiment: &Experiment, model: &ModelPlan, problems: &mut Vec<Problem>) {
    let Body::Diffwave(diffwave) = &model.body else { return };
    let (rate_hz, most) = (experiment.data.sr, diffwave.tiers.s4.period);
    let asked = eval_plan(&experiment.eval).sound_samples(rate_hz);
    if experiment.eval.sounds > 0 && asked > most {
        problems.push(Problem::new(
            "eval.sound_secs",
            format!("a clip has {asked} samples, but the model makes at most {most} at once (`l_max`)"),
            format!("set `sound_secs = {}` or less", most as f64 / f64::from(rate_hz)),
        ));
    }
}

/// Whether every head can learn, and the one that chooses checkpoints does.
fn check_heads(experiment: &Experiment, heads: &Heads, problems: &mut Vec<Problem>) {
    let learns_ctc = experiment.train.ctc_weight != 0.0;
    let classifies = !heads.classes.is_empty();
    if learns_ctc && heads.vocab_size == 0 {
        problems.push(Problem::new(
            "train.ctc_weight",
            "the model has no CTC head to learn with",
            "set `ctc_weight = 0`",
        ));
        return;
    }
    if classifies && experiment.data.data_format == DataFormat::Nlt {
        problems.push(Problem::new(
            "data.data_format",
            "classifier heads need labels, but `data.data_format = \"nlt\"` has none",
            "set `data.data_format = \"nltLa\"`, or leave the classifier out",
        ));
    }
    if !learns_ctc && !classifies {
        problems.push(Problem::new(
            "train.ctc_weight",
            "nothing is learnt: `ctc_weight` is 0 and there is no classifier",
            "set `ctc_weight = 1`, or `use_classifier = true` in `[model.wav2vec2]`",
        ));
    }
    check_classifier(experiment, heads, problems);
    let by_classes = matches!(experiment.eval.select, Metric::ClfAcc | Metric::MeanAveragePrecision);
    if !learns_ctc && classifies && !by_classes {
        problems.push(Problem::new(
            "eval.select",
            "the best checkpoint is chosen by the CTC head, which is not trained (`ctc_weight` is 0)",
            "set `select = \"dev/clf_acc\"`",
        ));
    }
    if by_classes && !classifies {
        problems.push(Problem::new(
            "eval.select",
            "the best checkpoint is chosen by a classifier's answers, but there is none",
            "set `select = \"dev/wer\"`, or `use_classifier = true` in `[model.wav2vec2]`",
        ));
    }
}

/// Whether the classifiers' loss, their labels and what is done to clips go together.
fn check_classifier(experiment: &Experiment, heads: &Heads, problems: &mut Vec<Problem>) {
    let binary = experiment.train.classifier_loss == ClassifierLoss::Binary;
    if binary && heads.classes.len() > 1 {
        problems.push(Problem::new(
            "train.classifier_loss",
            format!("all labels of a line are those of one head, but there are {}", heads.classes.len()),
            "leave one head, or set `classifier_loss = \"cross_entropy\"`",
        ));
    }
    if experiment.eval.select == Metric::MeanAveragePrecision && !binary {
        problems.push(Problem::new(
            "eval.select",
            "average precision is of classes each of which may be there or not, but one is right here",
            "set `classifier_loss = \"binary\"` in `[train]`, or `select = \"dev/clf_acc\"`",
        ));
    }
    if experiment.data.mixup > 0.0 && experiment.train.ctc_weight != 0.0 {
        problems.push(Problem::new(
            "data.mixup",
            "two clips at a time have no one transcript",
            "set `mixup = 0`, or `ctc_weight = 0` in `[train]`",
        ));
    }
}

/// Whether `continue_from` names a step before the end.
fn check_continuation(experiment: &Experiment, problems: &mut Vec<Problem>) {
    let Some(from) = &experiment.continue_from else { return };
    let max_steps = experiment.train.max_steps;
    match from.rsplit_once('@').map(|(_, step)| step.parse::<u64>()) {
        Some(Ok(step)) if step < max_steps => {}
        Some(Ok(step)) => problems.push(Problem::new(
            "continue_from",
            format!("it starts after {step} updates, but `max_steps` is {max_steps}"),
            "raise `max_steps` in `[train]`, or continue from an earlier step",
        )),
        _ => problems.push(Problem::new(
            "continue_from",
            format!("`{from}` names no step"),
            "write `EXPERIMENT@STEP`, for example `tedlium_target@40000`",
        )),
    }
}

fn check_teacher(experiment: &Experiment, model: &ModelPlan, problems: &mut Vec<Problem>) {
    let Some(distill) = &experiment.distill else { return };
    if model.wav2vec2().is_none() {
        problems.push(Problem::new(
            "distill",
            format!("`[model.{}]` has no hidden states to learn from a teacher's", model.family()),
            "leave `[distill]` out",
        ));
    }
    if distill.teacher.trim().is_empty() {
        problems.push(Problem::new(
            "distill.teacher",
            "`[distill]` names no teacher",
            "give `teacher` an experiment of this folder, a run folder or a checkpoint",
        ));
    }
    if distill.teacher_snapshot_cycle == 0 {
        problems.push(Problem::new("distill.teacher_snapshot_cycle", "a cycle of 0 has no snapshots", ""));
    }
}
