//! A text with placeholders for fields, in Logstash's notation: `%{os}/%{device.model}`.

use crate::decode::Path;

/// A text with placeholders for fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Field(Path),
}

const FORM: &str = "a field is written `%{a.b}` or `%{[a][b]}`";

impl Template {
    /// Parses a text. `None` if it contains no field, and so is a constant.
    ///
    /// # Errors
    /// A description of the fault, with the accepted form. The configuration is refused.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, inner)) = rest.split_once("%{") {
            if !before.is_empty() {
                parts.push(Part::Literal(before.into()));
            }
            let (field, after) = inner.split_once('}').ok_or_else(|| format!("a `%{{` without its `}}`; {FORM}"))?;
            parts.push(Part::Field(path(field)?));
            rest = after;
        }
        if parts.is_empty() {
            return Ok(None);
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Some(Self { text: text.into(), parts }))
    }

    /// The fields in the text.
    pub fn fields(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| if let Part::Field(path) = part { Some(path) } else { None })
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn path(text: &str) -> Result<Path, String> {
    if text.starts_with('+') {
        return Err(format!("`%{{{text}}}`: a date is for `index` alone; {FORM}"));
    }
    Path::of_reference(text).map_err(|error| format!("`%{{{text}}}`: {error}; {FORM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_fields() {
        let fields = |text: &str| -> Vec<String> {
            Template::parse(text).unwrap().unwrap().fields().map(ToString::to_string).collect()
        };
        assert_eq!(fields("%{os}"), ["os"]);
        assert_eq!(fields("a %{os}/%{[device][model]} b"), ["os", "device.model"]);
        for constant in ["", "prod", "100 %", "}{%"] {
            assert_eq!(Template::parse(constant), Ok(None), "{constant}");
        }
        for wrong in ["%{a", "%{}", "%{+YYYY}", "%{a..b}", "%{[a]b}", "%{%{a}}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }
}
