//! The table as Markdown.

use std::fmt::Write as _;

use super::rows::Row;

/// What the table is about.
pub struct About<'a> {
    pub command: &'a str,
    pub classifier: &'a str,
    pub model: &'a str,
    /// Accuracy of the classifier on the held-out clips is told by their confidence; these are its class names.
    pub classes: &'a [String],
    pub kernel_errors: &'a [f64],
    pub cut: bool,
    pub seconds: f64,
    pub picture: &'a str,
}

/// Rows: held-out clips, ours, the control, noise.
pub fn table(about: &About<'_>, rows: &[Row; 4]) -> String {
    let mut text = format!(
        "# Generated digits, as a classifier hears them\n\n`{}`. Classifier: {}. Model: {}, clips of {} s drawn sample by sample{}.\n\n",
        about.command,
        about.classifier,
        about.model,
        about.seconds,
        if about.cut {
            "; of ours and of the control's the 40 % that their model found least likely and the 5 % that it found most likely are left out, as \
             in the paper"
        } else {
            ", all of them judged"
        }
    );
    text += "Scores compare within this table only: another classifier hears differently. IS, mIS, AM and FID are those of the published SaShiMi \
             code; AM and FID are against the classifier's training list; FID is biased upwards for few clips, by about what the held-out ones have.\n\n";
    text += "| clips | number | mean top-1 confidence | IS | mIS | AM | FID |\n|---|---:|---:|---:|---:|---:|---:|\n";
    for Row { name, scores, .. } in rows {
        _ = writeln!(
            text,
            "| {name} | {} | {:.3} ± {:.3} | {:.3} | {:.2} | {:.3} | {:.3} |",
            scores.clips,
            scores.confidence,
            scores.confidence_error,
            scores.inception,
            scores.modified_inception,
            scores.am,
            scores.fid
        );
    }
    text += "\n± is the standard error. ";
    text += &margin(&rows[1], &rows[2]);
    text += &control(about.kernel_errors);
    text += &histogram(about.classes, rows);
    _ = write!(
        text,
        "\n![spectrograms]({})\n\nRows as in the table, eight clips each, evenly taken from those judged; log-mel energies of 80 bands, 0 to half the \
         sampling rate, each clip's loudest 70 dB.\n",
        about.picture
    );
    text
}

/// How far ours are above the control, or below it.
fn margin(ours: &Row, control: &Row) -> String {
    let (a, b) = (&ours.scores, &control.scores);
    let error = a.confidence_error.hypot(b.confidence_error);
    let of = |difference: f64, more: &str, less: &str| {
        if difference >= 0.0 { more.to_owned() } else { less.to_owned() }
    };
    let (confidence, inception, fid) =
        (a.confidence - b.confidence, a.inception - b.inception, b.fid - a.fid);
    format!(
        "Our samples are {:.3} ± {error:.3} {} the control in confidence ({:.1} standard errors), {:.3} {} it in IS, and {:.3} {} the real clips in FID.\n",
        confidence.abs(),
        of(confidence, "above", "below"),
        confidence.abs() / error,
        inception.abs(),
        of(inception, "above", "below"),
        fid.abs(),
        of(fid, "nearer to", "further from"),
    )
}

fn control(errors: &[f64]) -> String {
    let (low, high) =
        errors.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &e| (low.min(e), high.max(e)));
    format!(
        "\nThe control is the same trained weights, seeds and sampler with other convolution kernels: those that simple-sashimi computes on a CPU, where the \
         conjugate of each pair of states is left out of the sum. In this model they are {:.0}–{:.0} % off (length of the difference over that of the right \
         kernel, by layer). As they are no recurrence of few states, each sample is drawn after a convolution with all before it. It is not how \
         simple-sashimi draws samples: its recurrence is right, and what the defect spoils there is the forward pass, with every loss and \
         likelihood. The control shows what the distribution of that forward pass sounds like. Noise is Gaussian, as loud as the held-out \
         clips.\n",
        100.0 * low,
        100.0 * high
    )
}

/// How often each class is heard.
fn histogram(classes: &[String], rows: &[Row; 4]) -> String {
    let mut text = "\n| heard, % |".to_owned();
    rows.iter().for_each(|row| _ = write!(text, " {} |", row.name));
    text += "\n|---|---:|---:|---:|---:|\n";
    for (class, name) in classes.iter().enumerate() {
        _ = write!(text, "| {name} |");
        for Row { scores, .. } in rows {
            _ = write!(text, " {:.1} |", 100.0 * scores.histogram[class] as f64 / scores.clips as f64);
        }
        text += "\n";
    }
    text
}
