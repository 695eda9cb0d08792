//! HTML that cannot be broken out of: what comes from outside goes in as [`Tag::text`] or [`Tag::attr`], and both escape it.

/// An element of HTML or SVG. Names of tags and attributes are ours; everything else is escaped.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    name: &'static str,
    attributes: String,
    inner: String,
}

/// Elements without an end.
const VOID: [&str; 4] = ["br", "img", "input", "meta"];

pub(super) fn tag(name: &'static str) -> Tag {
    Tag { name, attributes: String::new(), inner: String::new() }
}

impl Tag {
    pub(super) fn class(self, class: &str) -> Self {
        self.attr("class", class)
    }

    pub(super) fn attr(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.attributes.push_str(&format!(" {name}=\"{}\"", escaped(value.as_ref())));
        self
    }

    /// An attribute that is there or not.
    pub(super) fn flag(mut self, name: &str, is_set: bool) -> Self {
        if is_set {
            self.attributes.push(' ');
            self.attributes.push_str(name);
        }
        self
    }

    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.inner.push_str(&escaped(text.as_ref()));
        self
    }

    pub(super) fn child(mut self, child: Tag) -> Self {
        child.write(&mut self.inner);
        self
    }

    pub(super) fn children(self, children: impl IntoIterator<Item = Tag>) -> Self {
        children.into_iter().fold(self, Tag::child)
    }

    /// Text that is no markup: a style sheet or a program of ours, or [`json`].
    pub(super) fn raw(mut self, text: &str) -> Self {
        self.inner.push_str(text);
        self
    }

    fn write(&self, out: &mut String) {
        let Tag { name, attributes, inner } = self;
        out.push_str(&format!("<{name}{attributes}>"));
        if !VOID.contains(name) {
            out.push_str(&format!("{inner}</{name}>"));
        }
    }

    pub(super) fn into_string(self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// A name of at most `most` characters, an ellipsis among them where it was longer.
pub fn shortened(name: &str, most: usize) -> String {
    match name.chars().count() > most {
        true => name.chars().take(most - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

/// Text as it may stand between tags and between double quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// JSON as it may stand in a script element: without `<`, nothing in it can end the element.
pub(super) fn json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// A number for an attribute of SVG: to a tenth of a pixel.
pub(super) fn px(value: f64) -> String {
    let tenth = (value * 10.0).round() / 10.0;
    format!("{tenth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let hostile = "</script><b a='1' c=\"2\">&amp;";
        let made = tag("p").attr("title", hostile).text(hostile).into_string();
        let safe = "&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;";
        assert_eq!(made, format!("<p title=\"{safe}\">{safe}</p>"));
        let said = json(&serde_json::json!({ "name": "</script><!--" }));
        assert_eq!(said, r#"{"name":"\u003c/script>\u003c!--"}"#);
        let back: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(back["name"], "</script><!--");
    }

    #[test]
    fn elements_nest_and_void_ones_have_no_end() {
        let made = tag("ul").class("a").children([tag("li").text("1"), tag("br")]).flag("hidden", true);
        assert_eq!(made.into_string(), "<ul class=\"a\" hidden><li>1</li><br></ul>");
        assert_eq!([px(1.25), px(3.0), px(-0.04)], ["1.3", "3", "-0"]);
    }
}
