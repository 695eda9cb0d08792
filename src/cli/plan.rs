//! `runner plan`: what a run would do.

use kernels::threads::count_for;
use serde_json::{Value, json};

use super::Talk;
use super::arguments::Request;
use super::failure::Failure;
use super::order::{Orders, orders};
use crate::corpora::{Corpus, CorpusFacts, Utterance};
use crate::data::{first_epoch, open_corpus, open_train};
use crate::model::{Part, parts};
use crate::plan::{Behaviour, DataPlan, Decay, MicroBatches, Plan, Recompute, Schedule, Teacher};
use crate::record::units::bytes;
use crate::task::front_end_values;
use crate::train::{
    Arrangement, Gpu, Rank, beside_gpu_bytes, effective_device, effective_gpu, effective_precision,
    gpu_bytes, memory_bytes,
};

/// Shapes are shown for an utterance of this length.
const EXAMPLE_SECS: usize = 10;

/// Prints the plan of a run, without starting it.
pub fn plan(request: &Request, talk: Talk) -> Result<u8, Failure> {
    let Orders { needed, asked, .. } = orders(request)?;
    let plan = &asked.plan;
    let samples = EXAMPLE_SECS * plan.data.sample_rate_hz as usize;
    let (processes, threads) = (plan.run.processes, count_for(plan.run.threads));
    let rank = Rank { rank: 0, ranks: processes };
    let arrangement = Arrangement::of(plan, rank, rank.threads(threads))?;
    let gpu = effective_gpu(plan)?;
    let memory = Memory::of(plan, arrangement, gpu.as_ref());
    let (device, precision) = (effective_device(plan)?.to_string(), effective_precision(plan)?);
    let parts = parts(&plan.model, samples);
    let params: usize = parts.iter().map(|part| part.params).sum();
    let facts = facts(plan);
    let needs: Vec<String> = needed.iter().map(|order| order.plan.folder_name()).collect();
    if talk.json {
        let mut value = json!({
            "id": plan.id, "name": plan.name, "params": params, "layers": parts, "data": data_json(plan, &facts),
            "schedule": plan.train.schedule, "memory_bytes": memory.machine_bytes,
            "recompute": plan.train.recompute, "micro_batches": micro_batches(plan, arrangement), "needs": needs,
            "processes": processes, "threads": threads,
            "device": {"requested": plan.run.device, "effective": device},
            "precision": precision, "behaviours": behaviours(plan), "augmentations": plan.model.drops(),
            "steps_per_epoch": steps_per_epoch(plan), "checkpoint_bytes": checkpoint_bytes(params), "dir": plan.dir(),
        });
        if let Some((gpu, bytes)) = memory.gpu {
            value["gpu"] =
                json!({"name": gpu.name, "memory_bytes": gpu.memory_bytes, "foreseen_bytes": bytes});
        }
        talk.data(&value);
        return Ok(0);
    }
    println!("run {}", plan.folder_name());
    if !plan.description.is_empty() {
        println!("  {}", plan.description);
    }
    println!("  device {device}, precision {precision}, seed {}", plan.run.seed);
    for need in &needs {
        println!("  needs {need}");
    }
    print_model(&parts, params);
    print_data(plan, &facts);
    print_augmentations(plan);
    print_training(plan, arrangement, threads);
    println!("memory: {}; a checkpoint takes {}", memory.words(processes), bytes(checkpoint_bytes(params)));
    println!("output: {}", plan.dir().display());
    Ok(0)
}

/// What training is foreseen to take at its peak.
struct Memory<'a> {
    machine_bytes: u64,
    gpu: Option<(&'a Gpu, u64)>,
}

impl<'a> Memory<'a> {
    fn of(plan: &Plan, arrangement: Arrangement, gpu: Option<&'a Gpu>) -> Self {
        let processes = plan.run.processes;
        Memory {
            machine_bytes: match gpu {
                Some(_) => beside_gpu_bytes(plan, processes),
                None => memory_bytes(plan, processes, arrangement.at_a_time()),
            },
            gpu: gpu.map(|gpu| (gpu, gpu_bytes(plan, processes))),
        }
    }

    fn words(&self, processes: usize) -> String {
        let all = if processes > 1 { format!(", in {processes} processes together") } else { String::new() };
        let machine = bytes(self.machine_bytes);
        let Some((gpu, foreseen)) = self.gpu else {
            return format!("about {machine} at the peak of training{all}");
        };
        let fits = if foreseen > gpu.memory_bytes { " and is too small" } else { "" };
        format!(
            "about {} at the peak of training on {gpu}, which has {}{fits}, and {machine} beside it{all}",
            bytes(foreseen),
            bytes(gpu.memory_bytes)
        )
    }
}

fn print_model(parts: &[Part], params: usize) {
    println!("\nmodel: {params} parameters; shapes for {EXAMPLE_SECS} s of sound, frames × channels");
    let width = parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
    for part in parts {
        let shape = format!("{} × {}", part.output[0], part.output[1]);
        println!("  {:width$}  {shape:>12}  {:>11}  {}", part.name, part.params, part.kind);
    }
}

fn print_data(plan: &Plan, facts: &[Facts]) {
    let data = &plan.data;
    println!("\ndata: {} ({})", data.dir, json!(data.format).as_str().unwrap_or_default());
    for Facts { split, mixed, of, .. } in facts {
        let mixed =
            mixed.as_ref().map_or_else(String::new, |(dir, weight)| format!("; {weight} × `{dir}` an epoch"));
        match of {
            Some(facts) => println!(
                "  {split:5} {} utterances, {:.0} s, {:.1} to {:.1} s each{mixed}",
                facts.utterances,
                facts.total_secs(data.sample_rate_hz),
                facts.shortest_samples as f64 / f64::from(data.sample_rate_hz),
                facts.longest_samples as f64 / f64::from(data.sample_rate_hz),
            ),
            None => println!("  {split:5} unknown (corpus absent){mixed}"),
        }
    }
    if let Some(dir) = &data.feature_cache {
        let all: u64 = facts.iter().map(|facts| facts.feature_bytes).sum();
        println!("  features are kept in {dir}: {} in the end", bytes(all));
    }
    println!(
        "  groups of {}, sorted and packed: ≤ {} utterances, ≤ {} samples, ≤ {:e} samples²",
        data.bucket_size, data.batch_size, data.batch_frame_limit, data.batch_quad_frame_limit
    );
}

/// Weights and the optimiser's two moments, all in 32 bits.
fn checkpoint_bytes(params: usize) -> u64 {
    params as u64 * 3 * 4
}

/// Updates of an epoch once the data warm-up is over; `None` where the corpus is not there.
fn steps_per_epoch(plan: &Plan) -> Option<usize> {
    let batches = first_epoch(&plan.data, plan.run.seed).ok()?;
    Some(batches.len().div_ceil(plan.train.accumulation_steps))
}

fn print_augmentations(plan: &Plan) {
    for (name, rate) in plan.model.drops() {
        println!("  {name}: {rate}");
    }
}

fn print_training(plan: &Plan, arrangement: Arrangement, threads: usize) {
    let (train, schedule) = (&plan.train, &plan.train.schedule);
    let epoch = steps_per_epoch(plan)
        .map_or("unknown (corpus absent)".to_owned(), |steps| format!("about {steps} updates"));
    println!(
        "\ntraining: {} updates of {} batches; an epoch is {epoch}",
        train.max_steps, train.accumulation_steps
    );
    println!("  {}", rates(schedule));
    if let Some(distill) = &plan.distill {
        let teacher = match distill.teacher {
            Teacher::Fixed => "one checkpoint".to_owned(),
            Teacher::Waypoints { cycle } => format!("the next of every {cycle} updates"),
        };
        println!(
            "  teacher: {teacher}; layers × {}, outputs × {}",
            distill.alpha_layer, distill.alpha_logits
        );
    }
    for (key, behaviour) in behaviours(plan) {
        println!("  {key} = {behaviour}");
    }
    let processes = plan.run.processes;
    if processes > 1 {
        println!(
            "  {processes} processes share the batches of an update, and {threads} threads; each has all weights and moments"
        );
    }
    if train.accumulation_steps > 1 {
        println!("  batches of an update run {arrangement}");
    }
    if train.recompute == Recompute::Block {
        println!("  encoder layers keep their input only, and run again in backward");
    }
    println!(
        "  judged every {}, saved every {} updates",
        plan.eval.eval_interval, plan.eval.checkpoint_interval
    );
}

/// The learning rate's way in words.
fn rates(schedule: &Schedule) -> String {
    let Schedule { min_lr, max_lr, final_lr, warmup_steps, plateau_steps, decay_steps, .. } = schedule;
    let stairs = match schedule.warmup_stairs {
        1 => String::new(),
        stairs => format!(" by stairs of {stairs}"),
    };
    let rise = format!(
        "learning rate {min_lr:e} → {max_lr:e} in {warmup_steps} updates{stairs}, {plateau_steps} there"
    );
    match schedule.decay {
        Decay::Exp => format!("{rise}, → {final_lr:e} in {decay_steps} (exp)"),
        Decay::Linear => format!("{rise}, → {final_lr:e} in {decay_steps} (linear)"),
        Decay::OnPlateau { factor, patience } => format!(
            "{rise}, then × {factor} after {patience} judgements without a lower dev loss, down to {final_lr:e}"
        ),
    }
}

/// What is asked of an update's micro-batches and what it comes to here.
fn micro_batches(plan: &Plan, arrangement: Arrangement) -> Value {
    let (effective, reason) = match arrangement {
        Arrangement::InTurn(reason) => (MicroBatches::InTurn, Some(reason.to_string())),
        Arrangement::SideBySide { .. } => (MicroBatches::SideBySide, None),
    };
    json!({
        "requested": plan.run.micro_batches, "effective": effective, "at_a_time": arrangement.at_a_time(), "reason": reason,
    })
}

/// Where the published code and the method part: which of the two this run follows.
fn behaviours(plan: &Plan) -> Vec<(&'static str, &'static str)> {
    let word = |behaviour| match behaviour {
        Behaviour::Sound => "sound",
        Behaviour::Reference => "reference",
    };
    let mut behaviours = vec![
        ("data.order", word(plan.data.order)),
        ("train.weight_decay_groups", word(plan.train.weight_decay_groups)),
        ("train.classifier_norm", word(plan.train.objective.classifier_norm)),
        ("eval.decode_padding", word(plan.eval.decode_padding)),
    ];
    if let Some(distill) = &plan.distill {
        behaviours.push(("distill.alpha_scaling", word(distill.alpha_scaling)));
        behaviours.push(("distill.teacher_mode", word(distill.teacher_mode)));
        behaviours.push(("distill.logits_mask", word(distill.logits_mask)));
    }
    behaviours
}

/// A list of utterances, and what is in it.
struct Facts {
    split: &'static str,
    /// The folder and the weight of a corpus that is mixed with others.
    mixed: Option<(String, f64)>,
    /// `None` where the corpus is not there.
    of: Option<CorpusFacts>,
    /// What features of it take on disk, where they are kept.
    feature_bytes: u64,
}

/// Totals of each split.
fn facts(plan: &Plan) -> Vec<Facts> {
    let data = &plan.data;
    let of_features =
        |utterance: &Utterance| 4 * front_end_values(plan, utterance.samples).unwrap_or(0) as u64;
    let facts = |split, dir: Option<(String, f64)>, corpus: Option<Corpus>| Facts {
        split,
        mixed: dir,
        feature_bytes: corpus.iter().flat_map(|corpus| corpus.utterances()).map(of_features).sum(),
        of: corpus.map(|corpus| corpus.facts()),
    };
    let train = data.train_lists().into_iter().map(|list| {
        let alone = DataPlan { mix: vec![list.clone()], ..data.clone() };
        let corpus = open_train(&alone).ok().and_then(|mut opened| opened.pop()).map(|(corpus, _)| corpus);
        facts("train", (!data.mix.is_empty()).then_some((list.dir, list.weight)), corpus)
    });
    let judged = [("dev", &data.dev_meta), ("test", &data.test_meta)];
    let judged = judged.into_iter().map(|(split, meta)| facts(split, None, open_corpus(data, meta).ok()));
    train.chain(judged).collect()
}

fn data_json(plan: &Plan, facts: &[Facts]) -> Vec<Value> {
    let rate = plan.data.sample_rate_hz;
    let row = |Facts { split, mixed, of, .. }: &Facts| {
        let (utterances, secs) = (of.as_ref().map(|f| f.utterances), of.as_ref().map(|f| f.total_secs(rate)));
        let mut row = json!({"split": split, "utterances": utterances, "secs": secs});
        if let Some((dir, weight)) = mixed {
            (row["dir"], row["weight"]) = (json!(dir), json!(weight));
        }
        row
    };
    facts.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_gpu_stands_beside_what_it_has() {
        let gpu = Gpu { index: 1, name: "NVIDIA H200".into(), memory_bytes: 150_000_000_000 };
        let words = |foreseen, processes| {
            Memory { machine_bytes: 2_000_000_000, gpu: Some((&gpu, foreseen)) }.words(processes)
        };
        assert_eq!(
            words(20_000_000_000, 1),
            "about 20 GB at the peak of training on `cuda:1` (NVIDIA H200), which has 150 GB, and 2.0 GB beside it"
        );
        assert_eq!(
            words(160_000_000_000, 2),
            "about 160 GB at the peak of training on `cuda:1` (NVIDIA H200), which has 150 GB and is too small, \
             and 2.0 GB beside it, in 2 processes together"
        );
        let alone = Memory { machine_bytes: 2_000_000_000, gpu: None };
        assert_eq!(alone.words(1), "about 2.0 GB at the peak of training");
    }
}
