use std::cell::RefCell;
use std::io::{self, Write};
use std::num::NonZeroU16;
use std::rc::Rc;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget};

use super::*;

const COLUMNS: u16 = 40;
const ROWS: u16 = 6;

/// Bytes on their way to a terminal.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The program's own backend at a fixed size.
struct Fixed(CrosstermBackend<Wire>);

impl Backend for Fixed {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.0.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.0.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(Size::new(COLUMNS, ROWS))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: Size::new(COLUMNS, ROWS), pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

/// Scrolls these lines through the screen beside a figure in each row. After each frame, calls `check` with the screen
/// of a terminal that adds up the widths of code points, and the number of the frame.
fn scroll(lines: &[&str], mut check: impl FnMut(&vt100::Screen, usize)) {
    let wire = Wire::default();
    let mut terminal = Terminal::new(WholeRows::new(Fixed(CrosstermBackend::new(wire.clone())))).unwrap();
    let cells = |n| NonZeroU16::new(n).unwrap();
    let mut shown = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
    for frame in 0..2 * lines.len() {
        let drawn = terminal.draw(|f| {
            for y in 0..ROWS {
                let line = lines[(frame + usize::from(y)) % lines.len()];
                Paragraph::new(line).render(Rect::new(0, y, 24, 1), f.buffer_mut());
                Paragraph::new(figure(frame, y)).render(Rect::new(26, y, 14, 1), f.buffer_mut());
            }
        });
        drawn.unwrap();
        shown.process(&wire.0.take());
        check(shown.screen(), frame);
    }
}

/// A figure that changes every four frames.
fn figure(frame: usize, y: u16) -> String {
    format!("TTFT {}{y}.{} ms", frame / 4, y * 3)
}

fn row(screen: &vt100::Screen, y: u16) -> String {
    screen.contents_between(y, 0, y, COLUMNS).trim_end().to_owned()
}

fn figures(screen: &vt100::Screen, y: u16) -> String {
    let cells = (26..COLUMNS).filter_map(|x| screen.cell(y, x));
    // A cell that was never written has no contents.
    cells.map(|cell| if cell.has_contents() { cell.contents() } else { " " }).collect::<String>().trim_end().to_owned()
}

const PLAIN: &str = "plain words here";

#[test]
fn scrolling_clusters_leave_no_remains_and_move_no_figures() {
    let lines = ["क्षत्रिय नमस्ते दुनिया", PLAIN, "🇩🇪🇫🇷🇯🇵 flags", "👩‍👩‍👧‍👦 family 🏳️‍🌈", PLAIN, "", "👍🏽❤️ 1️⃣ ok", "한국어 日本語"];
    scroll(&lines, |screen, frame| {
        for y in 0..ROWS {
            let expected = figure(frame, y);
            assert_eq!(figures(screen, y), expected, "row {y} of frame {frame}: {}", row(screen, y));
            let line = lines[(frame + usize::from(y)) % lines.len()];
            if line == PLAIN || line.is_empty() {
                let expected = format!("{line:<26}{expected}");
                assert_eq!(row(screen, y), expected, "row {y} of frame {frame}");
            }
        }
    });
}

#[test]
fn uncertain_widths_are_recognised() {
    let uncertain = |symbol: &str| {
        let mut cell = Cell::EMPTY;
        cell.set_symbol(symbol);
        has_uncertain_width(&cell)
    };
    for certain in ["a", " ", "é", "│", "█", "⣿", "●", "→", "日", "한", "ｱ", "क", "«"] {
        assert!(!uncertain(certain), "{certain}");
    }
    for symbol in ["e\u{301}", "क्षि", "🇩🇪", "🇩", "❤️", "⚡", "🎉", "👩‍👩‍👧‍👦", "1️⃣"]
    {
        assert!(uncertain(symbol), "{symbol}");
    }
}

#[test]
fn cells_that_a_wide_one_covered_are_blank_once_it_disappears() {
    let mut rows = WholeRows::new(());
    let cell = |symbol: &str| {
        let mut cell = Cell::EMPTY;
        cell.set_symbol(symbol);
        cell
    };
    let (a, wide, b) = (cell("a"), cell("🎉"), cell("b"));
    assert!(!rows.take(1, &[(0, 1, &a), (1, 1, &a)]));
    assert!(rows.take(1, &[(0, 1, &wide)]));
    assert!(rows.take(1, &[(0, 1, &b)]), "the wide cell was there before");
    assert!(!rows.take(1, &[(0, 1, &b)]));
    assert_eq!(rows.rows[1], [b, Cell::EMPTY]);
}
