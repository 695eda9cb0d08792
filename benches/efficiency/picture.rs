//! Time and memory over patches, both on scales of powers.

use plotters::prelude::*;

use super::{SUBJECTS, Took};

const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(230, 159, 0),
];

/// Draws what was measured; what was foreseen is not there.
pub fn picture(path: &str, rows: &[(usize, [Took; 5])]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, (1120, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(560);
    panel(&left, "seconds a clip", rows, |secs, _| secs)?;
    panel(&right, "peak memory, MB", rows, |_, megabytes| megabytes)?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    caption: &str,
    rows: &[(usize, [Took; 5])],
    value: fn(f64, f64) -> f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = |subject: usize| -> Vec<(f64, f64)> {
        let point = |(tokens, took): &(usize, [Took; 5])| match took[subject] {
            Took::Measured { secs, megabytes } => Some((*tokens as f64, value(secs, megabytes))),
            Took::Foreseen { .. } | Took::Absent => None,
        };
        rows.iter().filter_map(point).collect()
    };
    let all: Vec<(f64, f64)> = (0..SUBJECTS.len()).flat_map(points).collect();
    let most = all.iter().map(|(_, y)| *y).fold(1e-9, f64::max);
    let least = all.iter().map(|(_, y)| *y).fold(most, f64::min);
    let (first, last) =
        (rows.first().map_or(1, |row| row.0) as f64, rows.last().map_or(2, |row| row.0) as f64);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d((first * 0.9..last * 1.1).log_scale(), (least * 0.8..most * 1.5).log_scale())?;
    chart.configure_mesh().x_desc("patches").light_line_style(WHITE).draw()?;
    for (subject, colour) in COLOURS.into_iter().enumerate() {
        chart
            .draw_series(LineSeries::new(points(subject), colour.stroke_width(2)))?
            .label(SUBJECTS[subject].words)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let dots = points(subject).into_iter().map(|point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}
