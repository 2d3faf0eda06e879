use insta::assert_snapshot;

use super::*;
use crate::ui::ascii::to_ascii;
use crate::ui::testing::text;

fn points(values: &[(f64, f64)]) -> Vec<Point> {
    values.iter().map(|&(x, y)| Point { x, y, ..Point::default() }).collect()
}

fn series<'a>(name: &'a str, symbol: Symbol, values: &[(f64, f64)]) -> Series<'a> {
    Series { name, style: Style::new(), kind: SeriesKind::Points(symbol), points: points(values) }
}

fn chart(x: Axis, y: Axis, series: Vec<Series<'_>>) -> Chart<'_> {
    let style = Style::new();
    Chart {
        title: "Throughput, tok/s",
        x,
        x_name: "concurrency",
        y,
        series,
        marks: Vec::new(),
        limits: Vec::new(),
        title_style: style,
        axis_style: style,
        label_style: style,
        incomparable_name: "too few requests",
    }
}

/// Throughput that bends after concurrency 4, with its ideal, a knee and a limit.
fn bent() -> Chart<'static> {
    let values = [(1.0, 100.0), (2.0, 190.0), (4.0, 350.0), (8.0, 390.0), (16.0, 400.0)];
    let ideal = Series {
        name: "ideal",
        style: Style::new(),
        kind: SeriesKind::Curve(Box::new(|x| x * 100.0)),
        points: Vec::new(),
    };
    let mut chart = chart(
        Axis::logarithmic_at(values.map(|v| v.0)),
        Axis::from_zero(400.0),
        vec![series("measured", Symbol::Circle, &values), ideal],
    );
    chart.marks.push(Mark { x: 4.0, label: "◆ knee".to_owned(), style: Style::new() });
    chart.limits.push(Limit { y: 300.0, name: "SLO".to_owned(), style: Style::new() });
    chart
}

fn drawn(chart: &Chart<'_>, width: u16, height: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    chart.draw(buf.area, &mut buf);
    buf
}

#[test]
fn a_chart_has_axes_ticks_a_legend_marks_and_limits() {
    assert_snapshot!("bent_60x16", text(&drawn(&bent(), 60, 16)));
    assert_snapshot!("bent_27x10", text(&drawn(&bent(), 27, 10)));
}

#[test]
fn in_ascii_points_curve_mark_and_limit_differ() {
    let mut buf = drawn(&bent(), 60, 16);
    to_ascii(&mut buf);
    assert_snapshot!("bent_ascii", text(&buf));
}

#[test]
fn a_provisional_point_is_hollow_and_not_connected() {
    let mut open = bent();
    open.series[0].points[4].is_provisional = true;
    let shown = text(&drawn(&open, 60, 16));
    assert_eq!((shown.matches('●').count(), shown.matches('○').count()), (5, 2), "with the legend: {shown}");
    assert!(shown.contains("○ running"), "{shown}");
}

#[test]
fn an_incomparable_point_has_a_sign_of_its_own_and_no_line() {
    let mut apart = bent();
    apart.series[0].points[4].is_incomparable = true;
    let mut buf = drawn(&apart, 60, 16);
    let dots = |buf: &Buffer| text(buf).chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    assert!(dots(&buf) < dots(&drawn(&bent(), 60, 16)), "the line ends before it");
    to_ascii(&mut buf);
    let shown = text(&buf);
    assert!(shown.contains("+ too few requests"), "{shown}");
    // The point of concurrency 16 has the sign of incomparable points.
    assert_eq!(shown.lines().skip(1).filter(|line| line.ends_with("  +")).count(), 1, "{shown}");
}

#[test]
fn open_signs_stay_distinct_in_ascii() {
    let signs = [Symbol::Circle, Symbol::Triangle, Symbol::Square].map(|s| [s.sign(false), s.sign(true)]).concat();
    let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
    buf.set_string(0, 0, signs.iter().collect::<String>(), Style::new());
    to_ascii(&mut buf);
    let ascii: std::collections::BTreeSet<&str> = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(ascii.len() == 6 && !ascii.contains("?"), "{ascii:?}");
}

#[test]
fn labels_stand_beside_their_points_and_never_over_one_another() {
    let label = |x: f64| Point { x, y: 1.0, label: format!("point {x}"), ..Point::default() };
    let mut crowded = chart(Axis::from_zero(10.0), Axis::from_zero(1.0), Vec::new());
    let mut all = series("all", Symbol::Square, &[]);
    all.points = vec![label(2.0), label(2.0), label(10.0)];
    crowded.series.push(all);
    let shown = text(&drawn(&crowded, 50, 8));
    assert_eq!((shown.matches("point 2").count(), shown.matches("point 10").count()), (2, 1), "{shown}");
}

#[test]
fn labels_of_marks_that_coincide_are_joined() {
    let mut marked = bent();
    marked.marks.push(Mark { x: 4.0, label: "SLO limit".to_owned(), style: Style::new() });
    assert!(text(&drawn(&marked, 60, 16)).contains("◆ knee · SLO limit"));
}

#[test]
fn values_that_are_not_numbers_or_off_the_axes_are_not_drawn() {
    let odd = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (3.0, 1.0), (1.0, -1.0), (1.0, 9.0)];
    let odd = chart(Axis::from_zero(2.0), Axis::from_zero(2.0), vec![series("odd", Symbol::Triangle, &odd)]);
    assert_eq!(text(&drawn(&odd, 30, 9)).matches('▲').count(), 1, "only the legend has one");
}

proptest::proptest! {
    #[test]
    fn nothing_is_drawn_outside_the_area_and_every_point_is_inside_the_plot(
        values in proptest::collection::vec((0.5_f64..2000.0, 0.0_f64..1e6), 0..12),
        (x, y, width, height) in (0_u16..5, 0_u16..5, 0_u16..90, 0_u16..30),
        logarithmic in proptest::bool::ANY,
        mark in 0.0_f64..3000.0,
    ) {
        let top = values.iter().map(|v| v.1).fold(0.0, f64::max);
        let y_axis = if logarithmic { Axis::logarithmic(values.iter().map(|v| v.1)) } else { Axis::from_zero(top) };
        let mut chart = chart(
            Axis::logarithmic_at(values.iter().map(|v| v.0)),
            y_axis,
            vec![series("all", Symbol::Circle, &values)],
        );
        for point in &mut chart.series[0].points {
            point.label = format!("{:.0}", point.x);
        }
        chart.marks.push(Mark { x: mark, label: "mark".to_owned(), style: Style::new() });
        chart.limits.push(Limit { y: mark, name: "limit".to_owned(), style: Style::new() });
        let area = Rect::new(x, y, width, height);
        let mut buf = Buffer::empty(Rect::new(0, 0, 100, 40));
        chart.draw(area, &mut buf);
        for position in buf.area.positions() {
            let symbol = buf[position].symbol();
            proptest::prop_assert!(symbol == " " || area.contains(position), "{} at {:?}", symbol, position);
        }
        let plot = Plot { area, x: &chart.x, y: &chart.y.fitted(4) };
        for point in values.iter().filter(|v| area.area() > 0 && (v.1 > 0.0 || !logarithmic)) {
            let cell = plot.column(point.0).zip(plot.row(point.1));
            proptest::prop_assert!(cell.is_some_and(|at| area.contains(at.into())), "{:?} at {:?}", point, cell);
        }
    }
}
