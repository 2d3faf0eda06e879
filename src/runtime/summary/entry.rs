//! Formats an entry of the summary: a label and its parts, on lines of at most 80 columns.

use unicode_width::UnicodeWidthStr;

/// Width of a line, columns.
const COLUMNS: usize = 80;
/// Width of the label, columns.
pub(super) const LABEL: usize = 20;
/// Space between two parts.
const BETWEEN: &str = "   ";

/// Formats an entry. Parts that do not fit continue below the first one, and break between words if necessary.
pub fn entry(label: &str, parts: impl IntoIterator<Item = Option<String>>) -> String {
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in parts.into_iter().flatten() {
        let mut between = BETWEEN;
        if LABEL + line.width() + between.len() + part.width() > COLUMNS && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for word in part.split(' ') {
            if !line.is_empty() {
                if LABEL + line.width() + between.len() + word.width() > COLUMNS {
                    lines.push(std::mem::take(&mut line));
                } else {
                    line.push_str(between);
                }
            }
            line.push_str(word);
            between = " ";
        }
    }
    lines.push(line);
    let labelled = lines.iter().enumerate().map(|(at, line)| {
        let label = if at == 0 { label } else { "" };
        let blanks = " ".repeat(LABEL.saturating_sub(label.width()));
        format!("{label}{blanks}{line}")
    });
    labelled.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_on_one_line_if_possible_and_continue_below() {
        let long = Some("one part of forty letters that is whole".to_owned());
        let text = entry("Label", [long.clone(), None, long]);
        let part = "one part of forty letters that is whole";
        assert_eq!(text, format!("Label               {part}\n                    {part}"));
    }

    #[test]
    fn a_sentence_is_broken_between_words() {
        let sentence = "word ".repeat(40).trim_end().to_owned();
        let text = entry("Held back by", [Some(sentence.clone())]);
        assert!(text.lines().count() == 4 && text.lines().all(|l| l.width() <= COLUMNS), "{text}");
        let words = text.split_whitespace().filter(|w| *w == "word").count();
        assert_eq!(words, 40);
        assert!(text.lines().skip(1).all(|l| l.starts_with(&" ".repeat(LABEL))));
    }
}
