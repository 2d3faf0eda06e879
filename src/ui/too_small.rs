//! The message on a screen that is too small for the program. Even a single cell shows a mark.

use ratatui::Frame;
use ratatui::text::Line;

use super::fit::width;
use super::theme::Theme;

/// Mark on a screen without room for a word.
const MARK: &str = "!";

/// Draws the longest message that fits: the minimum size `needs` (columns, rows), the size of the screen, and how to
/// quit.
pub fn draw(frame: &mut Frame<'_>, needs: (u16, u16), quit_hint: &str, theme: Theme) {
    let area = frame.area();
    let forms = forms(needs, (area.width, area.height), quit_hint);
    let fits = |lines: &&Vec<String>| {
        lines.len() <= usize::from(area.height) && lines.iter().all(|line| width(line) <= usize::from(area.width))
    };
    let Some(lines) = forms.iter().find(fits) else { return };
    let top = area.y + (area.height - lines.len() as u16) / 2;
    for (row, text) in (top..).zip(lines) {
        let style = if text == quit_hint { theme.muted() } else { theme.text() };
        let indent = area.width.saturating_sub(width(text) as u16) / 2;
        frame.buffer_mut().set_line(area.x + indent, row, &Line::styled(text.clone(), style), area.width - indent);
    }
}

/// All forms of the message, the longest first.
fn forms((columns, rows): (u16, u16), (width, height): (u16, u16), quit_hint: &str) -> Vec<Vec<String>> {
    let needs = format!("needs {columns}×{rows}");
    let sentence = format!("tokscope {needs}; this is {width}×{height}");
    let this_is = format!("this is {width}×{height}");
    let forms: [&[&str]; 11] = [
        &[&sentence, quit_hint],
        &[&format!("tokscope {needs}"), &this_is, quit_hint],
        &["tokscope", &needs, quit_hint],
        &[&sentence],
        &[&needs, quit_hint],
        &[&needs],
        &["needs", &format!("{columns}×{rows}")],
        &[&format!("{columns}×{rows}")],
        &[&format!("{columns}×"), &rows.to_string()],
        &[&columns.to_string(), &rows.to_string()],
        &[MARK],
    ];
    forms.iter().map(|lines| lines.iter().map(|&line| line.to_owned()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::ui::testing::text;

    /// The drawn rows, without the blanks around them.
    fn drawn(width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, (60, 16), "q quits", Theme::mono())).unwrap();
        let text = text(terminal.backend().buffer());
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn the_message_is_as_long_as_the_screen_allows() {
        assert_eq!(drawn(40, 12), ["tokscope needs 60×16; this is 40×12", "q quits"]);
        assert_eq!(drawn(40, 1), ["tokscope needs 60×16; this is 40×1"]);
        assert_eq!(drawn(20, 5), ["tokscope needs 60×16", "this is 20×5", "q quits"]);
        assert_eq!(drawn(12, 2), ["needs 60×16", "q quits"]);
        assert_eq!(drawn(5, 2), ["needs", "60×16"]);
        assert_eq!(drawn(5, 1), ["60×16"]);
        assert_eq!(drawn(3, 2), ["60×", "16"]);
        assert_eq!(drawn(2, 2), ["60", "16"]);
        assert_eq!(drawn(2, 1), ["!"]);
    }

    #[test]
    fn no_size_cuts_the_message_or_leaves_the_screen_blank() {
        for (columns, rows) in (1..=60).flat_map(|columns| (1..=8).map(move |rows| (columns, rows))) {
            let shown = drawn(columns, rows);
            let forms = forms((60, 16), (columns, rows), "q quits");
            assert!(forms.contains(&shown), "{columns}×{rows}: {shown:?}");
        }
    }
}
