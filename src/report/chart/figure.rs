//! Data of a chart.

use super::axis::Axis;
use super::mark::{Mark, Shape};

/// A chart: one or more panels below each other.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Short, stable name, unique on a page.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// Definition of the axes and of everything drawn, for the caption and for readers who cannot see the chart.
    pub about: String,
    /// Panels from top to bottom.
    pub panels: Vec<Panel>,
    /// Meaning of colours and shapes.
    pub legend: Legend,
}

/// A plot with its axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Height of the plot, pixels.
    pub height: f64,
    /// Marks from back to front.
    pub marks: Vec<Mark>,
}

/// Meaning of colours and shapes; empty if the axes say everything.
pub type Legend = Vec<LegendEntry>;

/// An entry of a legend.
#[derive(Clone, Debug)]
pub struct LegendEntry {
    /// Number of the colour.
    pub color: usize,
    /// Shape; `None` for a line.
    pub shape: Option<Shape>,
    /// Meaning.
    pub label: String,
}

impl LegendEntry {
    /// Creates the entry of a line.
    pub fn line(color: usize, label: impl Into<String>) -> Self {
        Self { color, shape: None, label: label.into() }
    }

    /// Creates the entry of a shape.
    pub fn shape(color: usize, shape: Shape, label: impl Into<String>) -> Self {
        Self { color, shape: Some(shape), label: label.into() }
    }
}
