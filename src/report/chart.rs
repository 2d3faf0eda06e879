//! Charts of a report: described as data, drawn as SVG.
//!
//! A [`Chart`] says what is shown: panels with axes, marks and a legend. [`draw()`] turns it into SVG at a width, so that a page
//! can have one drawing for wide and one for narrow screens. Every figure comes from the report; nothing is computed here.

mod axis;
mod draw;
mod figure;
mod legend;
mod mark;
mod panel;
mod scale;
mod svg;

pub use self::axis::{Axis, AxisKind};
pub use self::draw::{HALF, NARROW, Theme, WIDE, draw};
pub use self::figure::{Chart, Legend, LegendEntry, Panel};
pub use self::mark::{Mark, Point, Segment, Shape, Stroke, thinned};

/// Style sheet of all charts, for pages and for single files.
pub const STYLE: &str = include_str!("chart/style.css");
