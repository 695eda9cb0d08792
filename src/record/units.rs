//! How numbers are said to people: counts, times, sizes, rates. One spelling for bars, logs and tables.

/// `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut said = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// `0.31 s`, `42 s`, `4 min 03 s`, `2 h 05 min`, `3 d 04 h`.
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return "?".into();
    }
    if secs < 9.995 {
        return format!("{secs:.2} s");
    }
    let whole = secs.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {:02} min", whole / 3_600, whole / 60 % 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole / 3_600 % 24),
    }
}

/// `512 B`, `1.5 MB`, `12 GB`: powers of 1000, as disks and PyTorch's papers count.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && scaled < 9.95);
    format!("{scaled:.decimals$} {}", UNITS[unit])
}

/// A rate as percent: `12.34 %`.
pub fn percent(rate: f64) -> String {
    if rate.is_finite() { format!("{:.2} %", rate * 100.0) } else { "?".into() }
}

/// A number of unknown size with four significant digits: `1.234`, `0.05678`, `5.000e-4`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

/// A metric by its name: rates as percent, anything else as a number.
pub fn metric(name: &str, value: f64) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if matches!(last, "wer" | "cer" | "acc" | "clf_acc" | "clf_joint") {
        percent(value)
    } else {
        number(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let said = [0.306, 9.999, 59.6, 243.0, 7_500.0, 273_600.0, f64::NAN].map(duration);
        assert_eq!(said, ["0.31 s", "10 s", "1 min 00 s", "4 min 03 s", "2 h 05 min", "3 d 04 h", "?"]);
        let said = [512, 999, 1_500_000, 999_600, 11_950_000_000].map(bytes);
        assert_eq!(said, ["512 B", "999 B", "1.5 MB", "1.0 MB", "12 GB"]);
        let said = [0.0, 1.23456, 12.3456, 123_456.7, 0.0567812, 5e-4, -2.5, f64::NAN].map(number);
        assert_eq!(said, ["0", "1.235", "12.35", "123457", "0.05678", "5.000e-4", "-2.500", "NaN"]);
        assert_eq!(metric("dev/wer", 0.12345), "12.35 %");
        assert_eq!(metric("dev/loss", 0.12345), "0.1235");
    }
}
