//! Marks in a plot, in the values of its axes.

/// A mark.
#[derive(Clone, Debug)]
pub enum Mark {
    /// A line through points; `None` is a gap.
    Line {
        /// Number of the colour.
        color: usize,
        /// Points from left to right.
        points: Vec<Option<(f64, f64)>>,
        /// Kind of the line.
        stroke: Stroke,
        /// Name, shown when the pointer is on the line.
        name: String,
    },
    /// An area between two values.
    Band {
        /// Number of the colour.
        color: usize,
        /// Horizontal position, lower and upper value; `None` is a gap.
        points: Vec<Option<(f64, f64, f64)>>,
    },
    /// Single points.
    Points {
        /// Number of the colour.
        color: usize,
        /// Shape of each point.
        shape: Shape,
        /// The points.
        points: Vec<Point>,
    },
    /// Horizontal bars.
    Segments(Vec<Segment>),
    /// A vertical line at a value, with a label.
    RuleX(f64, String),
    /// A horizontal line at a value, with a label.
    RuleY(f64, String),
}

/// Kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// One of few lines.
    Solid,
    /// One of many lines.
    Thin,
    /// A line that is not measured, or that differs from another one by more than its colour.
    Dashed,
}

/// Shape of a point. Shapes differ, so that no reader depends on colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Filled circle.
    Circle,
    /// Cross.
    Cross,
    /// Diamond without filling.
    Diamond,
    /// Filled square.
    Square,
}

/// A single point.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Ends of its vertical interval.
    pub interval: Option<(f64, f64)>,
    /// Text beside it; empty for none.
    pub tag: String,
    /// Description, shown when the pointer is on it.
    pub title: String,
}

/// A horizontal bar.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Row, from 0 at the top.
    pub row: f64,
    /// Left end.
    pub from: f64,
    /// Right end.
    pub to: f64,
    /// Number of the colour.
    pub color: usize,
    /// Text behind its right end; empty for none.
    pub tag: String,
    /// Description, shown when the pointer is on it; empty for none.
    pub title: String,
}

/// At most `most` of the items, evenly spaced, always with the first and the last.
pub fn thinned<T: Clone>(items: &[T], most: usize) -> Vec<T> {
    let (n, most) = (items.len(), most.max(2));
    if n <= most {
        return items.to_vec();
    }
    (0..most).filter_map(|at| items.get(at * (n - 1) / (most - 1)).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_line_keeps_its_ends() {
        let all: Vec<usize> = (0..1000).collect();
        let few = thinned(&all, 5);
        assert_eq!((few.len(), few[0], few[4]), (5, 0, 999));
        assert_eq!(thinned(&all[..3], 5), [0, 1, 2]);
        assert_eq!(thinned(&all, 0), [0, 999]);
    }
}
