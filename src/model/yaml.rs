//! The YAML that OmegaConf writes, as JSON.
//!
//! Programs of the papers keep their settings beside the weights as the text of `OmegaConf.to_yaml`: block mappings and sequences, scalars
//! plain or quoted, folded where they are long; Vocos' have lists of numbers in brackets besides. That is read here, and anything else refused
//! with its line. A whole YAML reader would bring aliases, tags and nested flow collections into files that nobody vouches for, to read a dozen
//! numbers. Not for: files that people write.

use serde_json::{Map, Number, Value as Json};

/// Deeper than any settings; a limit keeps a hostile text from exhausting the stack.
const DEEPEST: usize = 32;

/// A line that is not blank.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    /// Blank lines before it: in a folded scalar, ends of lines.
    blank: usize,
    indent: usize,
    text: &'a str,
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
}

/// Reads a mapping.
///
/// # Errors
/// The line, and what about it is not read here.
pub fn parse(text: &str) -> Result<Map<String, Json>, String> {
    let (mut lines, mut blank) = (Vec::new(), 0);
    for (index, line) in text.lines().enumerate() {
        let text = line.trim_start_matches(' ');
        if text.trim().is_empty() {
            blank += 1;
        } else {
            let indent = line.len() - text.len();
            lines.push(Line { number: index + 1, blank, indent, text: text.trim_end() });
            blank = 0;
        }
    }
    let mut reader = Reader { lines, at: 0 };
    let map = reader.mapping(0, 0)?;
    match reader.peek() {
        None => Ok(map),
        Some(line) => Err(format!("line {} stands where nothing was expected", line.number)),
    }
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Line<'a>> {
        self.lines.get(self.at).copied()
    }

    /// The next line, if it is indented by `indent`.
    fn at_indent(&self, indent: usize) -> Option<Line<'a>> {
        self.peek().filter(|line| line.indent == indent)
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Result<Map<String, Json>, String> {
        let mut map = Map::new();
        while let Some(line) = self.at_indent(indent).filter(|line| !is_item(line.text)) {
            let (key, rest) = key(line)?;
            self.at += 1;
            let value = match rest {
                "" => self.block(indent, depth + 1)?,
                scalar => self.scalar(line, scalar, indent)?,
            };
            map.insert(key, value);
        }
        Ok(map)
    }

    /// What stands below a key: a mapping that is indented further, a sequence, or nothing.
    fn block(&mut self, indent: usize, depth: usize) -> Result<Json, String> {
        let Some(line) = self.peek().filter(|line| line.indent >= indent) else { return Ok(Json::Null) };
        if depth > DEEPEST {
            return Err(format!("line {} is nested too deeply", line.number));
        }
        match (is_item(line.text), line.indent > indent) {
            // Sequences stand as far in as their key.
            (true, _) => self.sequence(line.indent, depth),
            (false, true) => self.mapping(line.indent, depth).map(Json::Object),
            (false, false) => Ok(Json::Null),
        }
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Result<Json, String> {
        let mut items = Vec::new();
        while let Some(line) = self.at_indent(indent).filter(|line| is_item(line.text)) {
            let rest = line.text[1..].trim_start();
            let inner = indent + line.text.len() - rest.len();
            if rest.is_empty() {
                self.at += 1;
                items.push(self.block(indent + 1, depth + 1)?);
            } else if is_item(rest)
                || (!rest.starts_with(['\'', '"']) && key(Line { text: rest, ..line }).is_ok())
            {
                // The item's first line goes on after the dash.
                self.lines[self.at] = Line { indent: inner, text: rest, ..line };
                items.push(self.block(indent + 1, depth + 1)?);
            } else {
                self.at += 1;
                items.push(self.scalar(line, rest, indent)?);
            }
        }
        Ok(Json::Array(items))
    }

    /// A scalar that begins in `line` and goes on in lines that are indented further than its key.
    fn scalar(&mut self, line: Line<'a>, first: &str, indent: usize) -> Result<Json, String> {
        let mut text = first.to_owned();
        while let Some(more) = self.peek().filter(|more| more.indent > indent) {
            self.at += 1;
            let between = if more.blank > 0 { "\n".repeat(more.blank) } else { " ".into() };
            match text.strip_suffix('\\').filter(|_| first.starts_with('"')) {
                Some(broken) => text = format!("{broken}{}", more.text),
                None => text = format!("{text}{between}{}", more.text),
            }
        }
        value(&text)
            .ok_or_else(|| format!("line {} says `{first}`, which OmegaConf does not write", line.number))
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// Splits `key: rest`.
fn key(line: Line<'_>) -> Result<(String, &str), String> {
    let refused = || format!("line {} has no key that OmegaConf writes", line.number);
    if let Some(quote) = line.text.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let end = line.text[1..].find(&format!("{quote}:")).ok_or_else(refused)? + 2;
        let key = value(&line.text[..end]).ok_or_else(refused)?;
        return Ok((key.as_str().unwrap_or_default().to_owned(), line.text[end + 1..].trim_start()));
    }
    let (key, rest) = match line.text.split_once(": ") {
        Some((key, rest)) => (key, rest.trim_start()),
        None => (line.text.strip_suffix(':').ok_or_else(refused)?, ""),
    };
    if key.starts_with(['?', '&', '*', '!', '[', '{', '%', '@']) {
        Err(refused())
    } else {
        Ok((key.to_owned(), rest))
    }
}

/// The value of a scalar; `None` for what OmegaConf never writes.
fn value(text: &str) -> Option<Json> {
    match text {
        "null" | "~" => return Some(Json::Null),
        "true" => return Some(true.into()),
        "false" => return Some(false.into()),
        "[]" => return Some(Json::Array(Vec::new())),
        "{}" => return Some(Json::Object(Map::new())),
        _ => {}
    }
    if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        // None in one another, so that no depth of them exhausts the stack.
        let plain = !inside.contains(['[', ']', '{', '}', '\'', '"', '#']);
        return if plain { inside.split(',').map(|item| value(item.trim())).collect() } else { None };
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        return quoted.strip_suffix('\'').map(|inside| inside.replace("''", "'").into());
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return unescape(quoted.strip_suffix('"')?).map(Json::String);
    }
    if text.starts_with(['&', '*', '!', '|', '>', '%', '@', '`', '[', '{', ',', '#']) {
        return None;
    }
    let digits = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'));
    let whole = text.parse::<i64>().ok().map(Json::from);
    let fraction = || text.parse::<f64>().ok().and_then(Number::from_f64).map(Json::Number);
    Some(whole.or_else(fraction).filter(|_| digits).unwrap_or_else(|| text.into()))
}

/// The inside of a double-quoted scalar.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let digits = |rest: &mut std::str::Chars<'_>, count| {
            let code: String = rest.take(count).collect();
            u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
        };
        out.push(match rest.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' => '\u{1b}',
            'x' => digits(&mut rest, 2)?,
            'u' => digits(&mut rest, 4)?,
            'U' => digits(&mut rest, 8)?,
            same @ (' ' | '"' | '\\' | '/') => same,
            _ => return None,
        });
    }
    Some(out)
}
