//! Time and memory over the length of the sound: attention and Mamba-2 in the same wav2vec2-base.
//!
//! Ours alone. Writes results/tables/scaling.md and scaling.svg.

use std::fmt::Write as _;
use std::path::Path;

use plotters::prelude::*;

use crate::place::CPU;
use crate::side::Side;
use crate::{machine, models};

const SECS: [usize; 7] = [1, 2, 5, 10, 20, 40, 60];
const ROUNDS: usize = 3;
const THREADS: usize = 2;
const MODELS: [(&str, &[&str], RGBColor); 2] =
    [("attention", models::BASE, RGBColor(213, 94, 0)), ("Mamba-2", models::STUDENT, RGBColor(0, 114, 178))];
const MEASURES: [(&str, &str); 4] =
    [("forward", "s"), ("forward", "GB"), ("training", "s"), ("training", "GB")];

/// What one length took: seconds and gigabytes of forward, then of training.
type Took = [f64; 4];

pub fn run(folder: &Path) {
    let took = MODELS.map(|(name, sets, _)| {
        SECS.map(|secs| {
            let took = measure(name, sets, secs, folder);
            println!("{name}, {secs} s: {took:.3?}");
            took
        })
    });
    let table = table(&took);
    print!("{table}");
    std::fs::write("results/tables/scaling.md", table).expect("the table can be written");
    picture(&took).expect("the picture can be drawn");
}

/// A fresh process for each length, so that its peak is its own.
fn measure(name: &str, sets: &[&str], secs: usize, folder: &Path) -> Took {
    let case = models::model(name, sets, [1, secs]);
    let file = folder.join("in.safetensors");
    case.write(&file);
    let mut side = Side::ours(CPU);
    side.load(&case, &file, THREADS);
    let mut took = [0.0; 4];
    for (index, what) in ["forward", "training"].into_iter().enumerate() {
        side.time(what, 1);
        let mut samples: Vec<(f64, f64)> = (0..ROUNDS).map(|_| side.time(what, 1)).collect();
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        took[2 * index] = samples[ROUNDS / 2].0 / 1e3;
        took[2 * index + 1] = samples.iter().map(|sample| sample.1).fold(0.0, f64::max) / 1e3;
    }
    took
}

/// From where on Mamba-2 is the cheaper one at every length, between two measured ones.
fn crossover(took: &[[Took; SECS.len()]; 2], measure: usize) -> String {
    let ahead: Vec<bool> =
        took[0].iter().zip(&took[1]).map(|(attention, mamba)| mamba[measure] < attention[measure]).collect();
    // Behind the last length at which it is not.
    let first = ahead.iter().rposition(|&ahead| !ahead).map_or(0, |last| last + 1);
    match Some(first).filter(|&first| first < SECS.len()) {
        Some(0) => format!("from {} s on", SECS[0]),
        Some(first) => {
            let gap = |at: usize| took[1][at][measure] - took[0][at][measure];
            let share = gap(first - 1) / (gap(first - 1) - gap(first));
            let secs = SECS[first - 1] as f64 + share * (SECS[first] - SECS[first - 1]) as f64;
            format!("from about {secs:.0} s on")
        }
        None => format!("not up to {} s", SECS[SECS.len() - 1]),
    }
}

/// The exponent of growth over the last doubling and more: 1 is linear.
fn exponent(took: &[Took; SECS.len()], measure: usize) -> f64 {
    let (from, to) = (SECS.len() - 3, SECS.len() - 1);
    (took[to][measure] / took[from][measure]).ln() / (SECS[to] as f64 / SECS[from] as f64).ln()
}

fn table(took: &[[Took; SECS.len()]; 2]) -> String {
    let mut text = format!(
        "# Time and memory over length\n\nwav2vec2-base with attention and with bidirectional Mamba-2 in its place, one utterance, frozen feature encoder, \
         f32, {THREADS} threads; medians of {ROUNDS}, peaks of the whole process. `cargo bench --bench cpu -- --scaling`; {}.\n\n\
         ![time and memory over length](scaling.svg)\n\n| sound, s |",
        machine::name()
    );
    for (what, unit) in MEASURES {
        for (name, ..) in MODELS {
            _ = write!(text, " {name}, {what}, {unit} |");
        }
    }
    text += "\n|---:|";
    text += &"---:|".repeat(2 * MEASURES.len());
    text += "\n";
    for (row, secs) in SECS.iter().enumerate() {
        _ = write!(text, "| {secs} |");
        for measure in 0..MEASURES.len() {
            for model in took {
                _ = write!(text, " {:.2} |", model[row][measure]);
            }
        }
        text += "\n";
    }
    text += "\n| | grows between 20 and 60 s as length to the power of (attention, Mamba-2) | Mamba-2 is the cheaper one |\n|---|---:|---|\n";
    for (index, (what, unit)) in MEASURES.iter().enumerate() {
        let [attention, mamba] = [0, 1].map(|model| exponent(&took[model], index));
        _ = writeln!(text, "| {what}, {unit} | {attention:.2}, {mamba:.2} | {} |", crossover(took, index));
    }
    text
}

fn picture(took: &[[Took; SECS.len()]; 2]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new("results/tables/scaling.svg", (960, 720)).into_drawing_area();
    area.fill(&WHITE)?;
    for (index, (panel, (what, unit))) in area.split_evenly((2, 2)).iter().zip(MEASURES).enumerate() {
        let most = took.iter().flatten().map(|took| took[index]).fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(panel)
            .caption(format!("{what}, {unit}"), ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..62.0, 0.0..most * 1.1)?;
        chart.configure_mesh().x_desc("seconds of sound").light_line_style(WHITE).draw()?;
        for ((name, _, colour), took) in MODELS.into_iter().zip(took) {
            let points = || SECS.iter().zip(took).map(|(&secs, took)| (secs as f64, took[index]));
            chart
                .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
    }
    area.present()?;
    Ok(())
}
