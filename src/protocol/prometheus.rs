//! Parser for names, labels and values in the Prometheus text format. Skips comments, types, time stamps, exemplars and
//! invalid lines. `OpenMetrics` pages parse the same way.

use std::borrow::Cow;

/// One line of a page: a value with its name and labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// Name of the metric, as printed.
    pub name: &'a str,
    /// Text between the braces.
    labels: &'a str,
    /// Value. May be `NaN` or infinite, as on the page.
    pub value: f64,
}

impl<'a> Sample<'a> {
    /// Returns all labels with their values, in the order of the page.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        Labels(self.labels)
    }

    /// Value of a label.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.labels().find(|(label, _)| *label == name).map(|(_, value)| value)
    }

    /// Returns the value of the first of these labels that exists and is not empty. Exporters have changed the case of
    /// labels over time.
    pub fn any_label(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        names.iter().find_map(|name| self.label(name).filter(|value| !value.is_empty()))
    }
}

/// Returns all samples of a page.
pub fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    page.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim_ascii();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let (name, rest) = line.split_at(line.find(|c| !is_name(c)).unwrap_or(line.len()));
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => inside.split_at(end_of_labels(inside)?),
        None => ("", rest),
    };
    let value = rest.trim_start_matches('}').split_ascii_whitespace().next()?;
    Some(Sample { name, labels, value: number(value)? })
}

/// Parses a number as Go writes it: `+Inf`, `-Inf`, `NaN`, `1e+06`. Rust accepts the same forms.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Returns the index of the brace that ends the labels: the first brace outside of quotes.
fn end_of_labels(inside: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Iterator over the pairs between the braces. Stops at the first malformed pair.
struct Labels<'a>(&'a str);

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once('=')?;
        let quoted = rest.trim_ascii_start().strip_prefix('"')?;
        let mut escaped = false;
        let end = quoted.char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        })?;
        let (value, rest) = quoted.split_at(end.0);
        self.0 = rest.trim_start_matches('"').trim_ascii_start().trim_start_matches(',');
        Some((name.trim_ascii(), unescaped(value)))
    }
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(other)) => out.push(other),
            (c, _) => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let page = "\
# HELP vllm:num_requests_running Number of requests.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine=\"0\",model_name=\"a}b\"} 3.0
bare 7
with_time 1.5e+03 1712345678901
openmetrics_total 12.0 # {trace_id=\"x\"} 1.0 1712345678.9
histogram_bucket{le=\"+Inf\",} +Inf
nothing NaN
spaced { a = \"1\" , b = \"2\" } -4
9digit 1
no_value{a=\"b\"}
open{a=\"b 1
words are no number
";
        let read: Vec<_> = samples(page).map(|s| (s.name, s.value)).collect();
        let names: Vec<_> = read.iter().map(|s| s.0).collect();
        assert_eq!(
            names,
            [
                "vllm:num_requests_running",
                "bare",
                "with_time",
                "openmetrics_total",
                "histogram_bucket",
                "nothing",
                "spaced"
            ]
        );
        assert!(read.iter().map(|s| s.1).take(4).eq([3.0, 7.0, 1500.0, 12.0]));
        assert!(read[4].1.is_infinite() && read[5].1.is_nan());
        let sample = samples(page).next().unwrap();
        assert_eq!(sample.label("model_name").as_deref(), Some("a}b"));
        assert_eq!(sample.label("engine").as_deref(), Some("0"));
        assert_eq!(sample.label("model"), None);
        assert_eq!(samples(page).last().unwrap().label("b").as_deref(), Some("2"));
    }

    #[test]
    fn labels_are_unescaped() {
        let sample = sample(r#"m{path="C:\\dir\"x\"\n",UUID="",uuid="GPU-1"} 1"#).unwrap();
        assert_eq!(sample.label("path").as_deref(), Some("C:\\dir\"x\"\n"));
        assert_eq!(sample.any_label(&["UUID", "uuid"]).as_deref(), Some("GPU-1"));
    }

    proptest! {
        #[test]
        fn any_page_is_read_without_panic(page in "\\PC{0,200}", noise in "[a-z{}\"=\\\\,\n 0-9.]{0,200}") {
            for page in [page, noise] {
                for sample in samples(&page) {
                    prop_assert!(!sample.name.is_empty());
                    let _ = sample.label("a");
                }
            }
        }

        #[test]
        fn written_samples_are_read_back(value in any::<f64>(), label in "\\PC{0,20}") {
            let escaped = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let line = format!("name{{a=\"x\",b=\"{escaped}\"}} {value}");
            // Skip text with other line ends of Unicode: only line feeds may split a page.
            prop_assume!(line.lines().count() == 1);
            let read = sample(&line).unwrap();
            prop_assert!(read.value.to_bits() == value.to_bits() || read.value.is_nan() && value.is_nan());
            let b = read.label("b");
            prop_assert_eq!(b.as_deref(), Some(label.as_str()));
        }
    }
}
