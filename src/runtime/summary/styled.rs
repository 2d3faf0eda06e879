//! Styles of the summary on a terminal.

use super::entry::LABEL;
use crate::report::style::Style;

/// Labels of lines that are warnings.
const WARNINGS: [&str; 3] = ["SIMULATED", "Finding", "Unresolved"];

/// Styles a summary: dims labels, and colours marks and warnings.
pub fn styled(summary: &str, style: Style) -> String {
    summary.lines().map(|line| styled_line(line, style)).collect::<Vec<_>>().join("\n")
}

fn styled_line(line: &str, style: Style) -> String {
    let at = line.char_indices().nth(LABEL).map_or(line.len(), |(at, _)| at);
    let (label, value) = line.split_at(at);
    let label = if WARNINGS.contains(&label.trim_end()) { style.warning(label) } else { style.dim(label) };
    label + &value.replace('✓', &style.good("✓")).replace('✗', &style.bad("✗"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_change_no_letter() {
        let text = "SIMULATED           no model\nThreshold           ✓ ttft\n                    more\n±";
        assert_eq!(styled(text, Style::Plain), text);
        let colored = styled(text, Style::Sgr);
        assert!(colored.starts_with("\u{1b}[33mSIMULATED"), "{colored:?}");
        let parts: Vec<&str> = colored.split('\u{1b}').collect();
        let plain: String = parts
            .iter()
            .map(|part| {
                part.split_once('m').map_or(*part, |(code, rest)| if code.starts_with('[') { rest } else { part })
            })
            .collect();
        assert_eq!(plain, text);
    }
}
