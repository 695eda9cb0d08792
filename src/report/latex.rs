//! A table as LaTeX, in the lines of the package booktabs: for a paper, as it is.

use super::render::PeopleColumn;
use super::table::Table;

impl Table {
    /// A `tabular` with its rules; needs `\\usepackage{booktabs}`. Numbers to the right. Ends in a newline.
    pub fn to_latex(&self) -> String {
        let columns = self.people_columns();
        let alignment: String = columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
        let line = |text: &dyn Fn(&PeopleColumn) -> &str| {
            let texts: Vec<String> = columns.iter().map(|column| escape(text(column))).collect();
            format!("{} \\\\\n", texts.join(" & "))
        };
        let mut text = format!("% \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{alignment}}}\n\\toprule\n");
        text.push_str(&line(&|column| &column.heading));
        text.push_str("\\midrule\n");
        for row in 0..self.height() {
            text.push_str(&line(&|column| &column.cells[row]));
        }
        text + "\\bottomrule\n\\end{tabular}\n"
    }
}

/// What LaTeX would take for a command, and the signs that its usual fonts lack.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            '|' => escaped.push_str("$|$"),
            // A bracket at the beginning of a row would be read as the option of the line break before it.
            '[' => escaped.push_str("{[}"),
            ']' => escaped.push_str("{]}"),
            '±' => escaped.push_str("$\\pm$"),
            '×' => escaped.push_str("$\\times$"),
            '→' => escaped.push_str("$\\rightarrow$"),
            'µ' => escaped.push_str("$\\mu$"),
            '–' => escaped.push_str("--"),
            '…' => escaped.push_str("\\dots{}"),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
