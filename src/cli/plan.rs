//! `runner plan`: what a run would do.

use std::path::Path;

use serde_json::json;

use super::Talk;
use super::arguments::Request;
use super::failure::Failure;
use super::graph::{Part, memory_bytes, parts};
use super::order::{Orders, orders};
use crate::corpora::{Corpus, CorpusFacts, MetaFormat};
use crate::plan::{Behaviour, DataFormat, Plan, Teacher};
use crate::train::effective_device;

/// Shapes are shown for an utterance of this length.
const EXAMPLE_SECS: usize = 10;

/// Prints the plan of a run, without starting it.
pub fn plan(request: &Request, talk: Talk) -> Result<u8, Failure> {
    let Orders { needed, asked, .. } = orders(request)?;
    let plan = &asked.plan;
    let samples = EXAMPLE_SECS * plan.data.sample_rate_hz as usize;
    let parts = parts(&plan.model, samples);
    let params: usize = parts.iter().map(|part| part.params).sum();
    let facts = facts(plan);
    let needs: Vec<String> = needed.iter().map(|order| order.plan.folder_name()).collect();
    if talk.json {
        talk.data(&json!({
            "id": plan.id, "name": plan.name, "params": params, "layers": parts, "data": data_json(plan, &facts),
            "schedule": plan.train.schedule, "memory_bytes": memory_bytes(plan), "needs": needs,
            "device": {"requested": format!("{:?}", plan.run.device).to_lowercase(), "effective": effective_device(plan)?},
            "precision": plan.run.effective_precision(), "behaviours": behaviours(plan),
        }));
        return Ok(0);
    }
    println!("run {}", plan.folder_name());
    if !plan.description.is_empty() {
        println!("  {}", plan.description);
    }
    println!(
        "  device {}, precision {}, seed {}",
        effective_device(plan)?,
        plan.run.effective_precision(),
        plan.run.seed
    );
    for need in &needs {
        println!("  needs {need}");
    }
    print_model(&parts, params);
    print_data(plan, &facts);
    print_training(plan);
    println!("memory: about {:.1} GB at the peak of training", memory_bytes(plan) as f64 / 1e9);
    Ok(0)
}

fn print_model(parts: &[Part], params: usize) {
    println!("\nmodel: {params} parameters; shapes for {EXAMPLE_SECS} s of sound, frames × channels");
    let width = parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
    for part in parts {
        let shape = format!("{} × {}", part.output[0], part.output[1]);
        println!("  {:width$}  {shape:>12}  {:>11}  {}", part.name, part.params, part.kind);
    }
}

fn print_data(plan: &Plan, facts: &[(&str, Option<CorpusFacts>)]) {
    let data = &plan.data;
    println!("\ndata: {} ({:?})", data.dir, data.format);
    for (split, facts) in facts {
        match facts {
            Some(facts) => println!(
                "  {split:5} {} utterances, {:.0} s, {:.1} to {:.1} s each",
                facts.utterances,
                facts.total_secs(data.sample_rate_hz),
                facts.shortest_samples as f64 / f64::from(data.sample_rate_hz),
                facts.longest_samples as f64 / f64::from(data.sample_rate_hz),
            ),
            None => println!("  {split:5} unknown (corpus absent)"),
        }
    }
    println!(
        "  groups of {}, sorted and packed: ≤ {} utterances, ≤ {} samples, ≤ {:e} samples²",
        data.bucket_size, data.batch_size, data.batch_frame_limit, data.batch_quad_frame_limit
    );
}

fn print_training(plan: &Plan) {
    let (train, schedule) = (&plan.train, &plan.train.schedule);
    println!("\ntraining: {} updates of {} batches", train.max_steps, train.accumulation_steps);
    println!(
        "  learning rate {:e} → {:e} in {} updates, {} there, → {:e} in {} ({:?})",
        schedule.min_lr,
        schedule.max_lr,
        schedule.warmup_steps,
        schedule.plateau_steps,
        schedule.final_lr,
        schedule.decay_steps,
        schedule.decay
    );
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
    println!(
        "  judged every {}, saved every {} updates",
        plan.eval.eval_interval, plan.eval.checkpoint_interval
    );
}

/// Where the published code and the method part: which of the two this run follows.
fn behaviours(plan: &Plan) -> Vec<(&'static str, &'static str)> {
    let word = |behaviour| match behaviour {
        Behaviour::Sound => "sound",
        Behaviour::Reference => "reference",
    };
    let mut behaviours = vec![
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

/// Totals of each split; `None` where the corpus is not there.
fn facts(plan: &Plan) -> Vec<(&'static str, Option<CorpusFacts>)> {
    let data = &plan.data;
    let format = match data.format {
        DataFormat::Nlt => MetaFormat::Nlt,
        DataFormat::NltLa => MetaFormat::NltLa,
    };
    let read =
        |meta: &str| Corpus::open(Path::new(&data.dir), meta, format).ok().map(|corpus| corpus.facts());
    vec![("train", read(&data.train_meta)), ("dev", read(&data.dev_meta)), ("test", read(&data.test_meta))]
}

fn data_json(plan: &Plan, facts: &[(&str, Option<CorpusFacts>)]) -> Vec<serde_json::Value> {
    let rate = plan.data.sample_rate_hz;
    facts
        .iter()
        .map(|(split, facts)| {
            let (utterances, secs) =
                (facts.as_ref().map(|f| f.utterances), facts.as_ref().map(|f| f.total_secs(rate)));
            json!({"split": split, "utterances": utterances, "secs": secs})
        })
        .collect()
}
