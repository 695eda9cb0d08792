//! Numbers as a picture: horizontal bars in text.

use crate::record::units::count;

/// Characters of the longest bar.
const WIDTH: usize = 28;

/// Bars of less than a character, by eighths.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// One line for each name with its number: a bar, the largest at full width, and the number.
pub fn bars(rows: &[(String, u64)], indent: &str) -> String {
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let largest = rows.iter().map(|(_, number)| *number).max().unwrap_or_default();
    rows.iter()
        .map(|(name, number)| {
            let padding = " ".repeat(widest - name.chars().count());
            format!("{indent}{name}{padding}  {}{}\n", bar(*number, largest), count(*number))
        })
        .collect()
}

/// The bar and a space behind it; nothing for nothing.
fn bar(number: u64, largest: u64) -> String {
    if number == 0 {
        return String::new();
    }
    // A number above 0 is always seen.
    let eighths = (number as f64 / largest as f64 * (8 * WIDTH) as f64).round().max(1.0) as usize;
    format!("{}{} ", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn the_largest_is_widest_and_the_smallest_is_seen() {
        let rows = [("on", 2_000), ("naïve", 1_000), ("few", 1), ("none", 0)];
        let rows = rows.map(|(name, number)| (name.to_owned(), number));
        let full = "█".repeat(28);
        let half = "█".repeat(14);
        let expected = format!("  on     {full} 2,000\n  naïve  {half} 1,000\n  few    ▏ 1\n  none   0\n");
        assert_eq!(bars(&rows, "  "), expected);
    }
}
