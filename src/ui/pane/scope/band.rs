//! Gaps of all streams that ended: a band from the shortest to the longest, and the median as a thick line.

use super::curve::connected;
use super::ink::{Emphasis, Part};
use super::range::share;
use crate::domain::gap_envelope::GapSpread;
use crate::ui::view::View;
use crate::ui::widget::braille::Dots;
use crate::ui::widget::chart::Axis;

/// Draws the band and the line, one column of dots for each of `columns`.
pub fn draw(dots: &mut Dots, view: &View<'_>, axis: &Axis, columns: &[Option<GapSpread>]) {
    let [band, median] = [Part::Band, Part::Median].map(|part| part.ink(view, Emphasis::Usual));
    for (at, spread) in columns.iter().enumerate() {
        let Some(spread) = spread else { continue };
        let [top, bottom] = [spread.max_ms, spread.min_ms].map(|ms| dots.row_at(share(axis, ms)));
        // Set a quarter of the dots, so that the band is lighter than a line.
        (top..=bottom).filter(|row| (row + at * 2).is_multiple_of(4)).for_each(|row| dots.stroke(at, row..=row, band));
    }
    let mut previous = None;
    for (at, spread) in columns.iter().enumerate() {
        let row = spread.map(|spread| dots.row_at(share(axis, spread.median_ms)));
        if let Some(row) = row {
            // Draw the median twice as thick as the line of a stream.
            let rows = connected(previous, row);
            dots.stroke(at, *rows.start()..=rows.end() + 1, median);
        }
        previous = row;
    }
}
