//! How long may a recording be? Transcribing minutes of sound in one piece, with attention and with Mamba-2.
//!
//!     cargo bench --bench long_audio
//!
//! Trains the bundled corpus' teacher and student first (`--profile smoke`) where that has not been done. Writes
//! results/tables/long_audio.md and long_audio.svg.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use plotters::prelude::*;
use runner::audio;
use runner::record::host;

const MINUTES: [usize; 4] = [1, 2, 5, 10];
const ROUNDS: usize = 3;
const RATE_HZ: u32 = 16_000;
const EXPERIMENT: &str = "experiments/tedlium_waypoint.toml";

/// One model, and what it took for each length.
struct Subject {
    name: &'static str,
    run: String,
    colour: RGBColor,
    took: Vec<Took>,
}

#[derive(Clone, Copy)]
struct Took {
    minutes: usize,
    secs: f64,
    megabytes: f64,
}

fn main() {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    std::env::set_current_dir(root).expect("the project's root");
    let folder = tempfile::tempdir().expect("a folder");
    let (teacher, student) = runs();
    let mut subjects = [
        Subject { name: "attention", run: teacher, colour: RGBColor(213, 94, 0), took: Vec::new() },
        Subject { name: "Mamba-2", run: student, colour: RGBColor(0, 114, 178), took: Vec::new() },
    ];
    let speech = speech(MINUTES[MINUTES.len() - 1]);
    for minutes in MINUTES {
        let path = folder.path().join(format!("{minutes}.wav"));
        let samples = minutes * 60 * RATE_HZ as usize;
        audio::write_wav(&path, &speech[..samples], RATE_HZ).expect("a sound file");
        for subject in &mut subjects {
            let took = median(&subject.run, &path, minutes);
            println!("{}: {minutes} min in {:.2} s, {:.0} MB", subject.name, took.secs, took.megabytes);
            subject.took.push(took);
        }
    }
    let table = table(&subjects);
    print!("{table}");
    std::fs::write("results/tables/long_audio.md", table).expect("the table can be written");
    picture(&subjects).expect("the picture can be drawn");
}

/// The run folders of teacher and student, trained if need be.
fn runs() -> (String, String) {
    let said = said(&["--json", "run", EXPERIMENT, "--profile", "smoke"]).0;
    let student: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let student = student["dir"].as_str().expect("a folder").to_owned();
    let run = std::fs::read_to_string(Path::new(&student).join("config.toml")).expect("the run's options");
    let teacher = run.lines().find_map(|line| line.strip_prefix("teacher = ")).expect("its teacher");
    (teacher.trim_matches('"').to_owned(), student)
}

/// What the program prints and says.
fn said(arguments: &[&str]) -> (String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_runner")).args(arguments).output().expect("the program starts");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{err}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), err)
}

/// The utterances of one speaker, over and over.
fn speech(minutes: usize) -> Vec<f32> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir("corpora/smoke/f02")
        .expect("the bundled corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let samples: Vec<f32> =
        paths.iter().flat_map(|path| audio::read(path, RATE_HZ).expect("a recording")).collect();
    samples.iter().copied().cycle().take(minutes * 60 * RATE_HZ as usize).collect()
}

/// The run in the middle by time.
fn median(run: &str, sound: &Path, minutes: usize) -> Took {
    let mut took: Vec<Took> = (0..ROUNDS)
        .map(|_| {
            let said = said(&["predict", run, &sound.display().to_string()]).1;
            let line = said.lines().find(|line| line.contains("peak memory")).expect("what it took");
            let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            let number = |after: &str, skip: usize| -> f64 {
                let at = words.iter().position(|word| *word == after).expect(after);
                words[at + skip].parse().expect("a number")
            };
            let scale = if line.trim_end().ends_with("GB") { 1e3 } else { 1.0 };
            Took { minutes, secs: number("in", 1), megabytes: number("memory", 1) * scale }
        })
        .collect();
    took.sort_by(|a, b| a.secs.total_cmp(&b.secs));
    took[ROUNDS / 2]
}

fn table(subjects: &[Subject]) -> String {
    let mut text = format!(
        "# Long sound in one piece\n\n`runner predict` with the models of `{EXPERIMENT} --profile smoke`, median of {ROUNDS}; whole process, \
         loading included. `cargo bench --bench long_audio`; {} with {} cores.\n\n![time and memory](long_audio.svg)\n\n| minutes |",
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    for subject in subjects {
        _ = write!(text, " {0}, s | {0}, MB |", subject.name);
    }
    text.push_str("\n|---:|---:|---:|---:|---:|\n");
    for (row, minutes) in MINUTES.iter().enumerate() {
        _ = write!(text, "| {minutes} |");
        for took in subjects.iter().map(|subject| subject.took[row]) {
            _ = write!(text, " {:.2} | {:.0} |", took.secs, took.megabytes);
        }
        text.push('\n');
    }
    text
}

/// Time and memory over length, beside each other.
fn picture(subjects: &[Subject]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new("results/tables/long_audio.svg", (960, 380)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(480);
    panel(&left, "seconds to transcribe", subjects, |took| took.secs)?;
    panel(&right, "peak memory, MB", subjects, |took| took.megabytes)?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    caption: &str,
    subjects: &[Subject],
    value: fn(Took) -> f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let most = subjects.iter().flat_map(|subject| &subject.took).map(|took| value(*took)).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..10.5, 0.0..most * 1.1)?;
    chart.configure_mesh().x_desc("minutes of sound").light_line_style(WHITE).draw()?;
    for subject in subjects {
        let points = || subject.took.iter().map(|took| (took.minutes as f64, value(*took)));
        let colour = subject.colour;
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(subject.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    Ok(())
}
