//! Pictures as PNG: spectrograms with a palette of 256 colours, and anything in red, green and blue.

use std::io;

use crate::audio::{FLOOR_DB, Spectrogram};

/// From the darkest colour to the lightest, in OKLab's lightness (Ottosson 2020).
const LIGHTNESS: [f64; 2] = [0.2, 0.92];
/// From violet through blue and green to yellow, in degrees.
const HUE: [f64; 2] = [300.0, 105.0];
/// As strong as every hue of the way can be had on a screen.
const CHROMA: f64 = 0.09;

/// The picture of a spectrogram: time to the right, frequency upwards, a pixel for each value.
///
/// # Errors
/// It has no frames.
pub fn png(spectrogram: &Spectrogram) -> io::Result<Vec<u8>> {
    let Spectrogram { frames, bins, decibels } = spectrogram;
    let level = |value: f32| (255.0 * (1.0 - value / FLOOR_DB).clamp(0.0, 1.0)).round() as u8;
    let rows = (0..*bins).rev();
    let pixels: Vec<u8> =
        rows.flat_map(|bin| (0..*frames).map(move |frame| level(decibels[frame * bins + bin]))).collect();
    encoded([*bins, *frames], png::ColorType::Indexed, Some(palette()), &pixels)
}

/// The picture of red, green and blue `pixels` [height, width].
///
/// # Errors
/// It has no pixels, or no whole number of rows.
pub fn rgb(pixels: &[[u8; 3]], width: usize) -> io::Result<Vec<u8>> {
    let height = pixels.len().checked_div(width).unwrap_or(0);
    encoded([height, width], png::ColorType::Rgb, None, pixels.as_flattened())
}

fn encoded(
    [height, width]: [usize; 2],
    color: png::ColorType,
    palette: Option<Vec<u8>>,
    pixels: &[u8],
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}

/// Red, green and blue of 256 colours at even distances for the eye: a helix of even rise and even turn in OKLab.
fn palette() -> Vec<u8> {
    let between = |[first, last]: [f64; 2], share: f64| first + (last - first) * share;
    (0..256)
        .map(|level| f64::from(level) / 255.0)
        .flat_map(|share| srgb(between(LIGHTNESS, share), CHROMA, between(HUE, share).to_radians()))
        .collect()
}

/// From OKLab, in cylinder coordinates, to the bytes of sRGB.
fn srgb(lightness: f64, chroma: f64, hue: f64) -> [u8; 3] {
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    let cone = |of_a: f64, of_b: f64| (lightness + of_a * a + of_b * b).powi(3);
    let (long, medium, short) = (
        cone(0.3963377774, 0.2158037573),
        cone(-0.1055613458, -0.0638541728),
        cone(-0.0894841775, -1.2914855480),
    );
    let light = [
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    ];
    light.map(|light| {
        let light = light.clamp(0.0, 1.0);
        let shown = if light <= 0.0031308 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        (255.0 * shown).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a screen makes of a byte, as CIE L*: another measure than the one that the colours were made by.
    fn lightness(rgb: &[u8]) -> f64 {
        let light = |byte: u8| {
            let shown = f64::from(byte) / 255.0;
            if shown <= 0.04045 { shown / 12.92 } else { ((shown + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * light(rgb[0]) + 0.7152 * light(rgb[1]) + 0.0722 * light(rgb[2]);
        if luminance > 0.008856 { 116.0 * luminance.cbrt() - 16.0 } else { 903.3 * luminance }
    }

    #[test]
    fn louder_is_lighter_evenly() {
        let palette = palette();
        let lightness: Vec<f64> = palette.chunks(3).map(lightness).collect();
        assert_eq!(lightness.len(), 256);
        assert!(lightness[0] < 10.0 && lightness[255] > 90.0, "{} {}", lightness[0], lightness[255]);
        let rises: Vec<f64> = lightness.windows(17).map(|pair| pair[16] - pair[0]).collect();
        let mean = (lightness[255] - lightness[0]) / 255.0 * 16.0;
        assert!(rises.iter().all(|rise| (rise / mean - 1.0).abs() < 0.35), "{rises:?}");
    }

    #[test]
    fn time_goes_right_and_frequency_up() {
        let decibels = vec![0.0, FLOOR_DB, FLOOR_DB, FLOOR_DB / 2.0, FLOOR_DB, FLOOR_DB];
        let bytes = png(&Spectrogram { frames: 2, bins: 3, decibels }).expect("a picture");
        let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().expect("a header");
        assert_eq!((reader.info().width, reader.info().height), (2, 3));
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!(pixels, [0, 0, 0, 0, 255, 128]);
        assert!(png(&Spectrogram::of(&[])).is_err(), "a picture without pixels");
    }
}
