//! Figures by model, below the latency, in a run that mixes several models.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::quantity::count;
use crate::domain::task::Task;
use crate::domain::text::sanitise_line;
use crate::report::models::{ModelFigures, figures};
use crate::report::spread::Spread;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Minimum height of the pane that has room for the table, rows.
const MIN_HEIGHT: u16 = 9;
/// Rows of the table without its models: a blank row and the heading.
const FRAME: u16 = 2;
/// Minimum width of a name, cells.
const MIN_NAME: usize = 10;

/// A column: heading, width in cells, and text per model.
type Column = (&'static str, usize, fn(&ModelFigures) -> String);

/// The columns for generated text, by importance.
const TEXT: [Column; 4] = [
    ("TTFT", 9, |model| number::millis(mean(model.ttft_ms.as_ref()))),
    ("decode", 8, |model| number::rate(mean(model.decode_tokens_per_s.as_ref()))),
    ("n", 7, |model| number::grouped(model.n as u64)),
    ("failed", 8, |model| number::grouped(model.failed as u64)),
];
/// The columns for vectors and scores.
const ITEMS: [Column; 3] = [
    ("latency", 9, |model| number::millis(mean(model.latency_ms.as_ref()))),
    ("n", 7, |model| number::grouped(model.n as u64)),
    ("failed", 8, |model| number::grouped(model.failed as u64)),
];

fn mean(spread: Option<&Spread>) -> Option<f64> {
    spread.map(|spread| spread.stats.avg)
}

/// Draws the table at the bottom of the pane if there is room. Returns the area above it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) -> Rect {
    let session = &view.scene().session;
    if session.suite.model_mix.is_none() || area.height < MIN_HEIGHT || session.attempts_ended() == 0 {
        return area;
    }
    let models = view.cache.model_figures(session, || figures(session));
    let room = usize::from((area.height / 2).saturating_sub(FRAME));
    // The last row counts the models that do not fit.
    let shown = if models.len() > room { room.saturating_sub(1) } else { models.len() };
    let rest = models.len() - shown;
    let height = FRAME + shown as u16 + u16::from(rest > 0);
    let (above, below) = (area.height - height, Rect { y: area.y + area.height - height, height, ..area });
    let columns = fitting(session.suite.task, usize::from(area.width));
    let name = usize::from(area.width).saturating_sub(columns.iter().map(|column| column.1).sum());
    let line = |first: &str, text: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|column| fit::right(&text(column), column.1));
        std::iter::once(fit::left(first, name)).chain(cells).collect::<String>()
    };
    let theme = view.theme;
    pane::line(frame, below, 1, Line::styled(line("model (means)", &|column| column.0.to_owned()), theme.muted()));
    for (at, model) in models.iter().take(shown).enumerate() {
        let text = line(&sanitise_line(&model.name), &|column| (column.2)(model));
        let style = if model.failed > 0 { theme.warning() } else { theme.text() };
        pane::line(frame, below, FRAME + at as u16, Line::styled(text, style));
    }
    if rest > 0 {
        let text = fit::cut(&format!("… and {}", count(rest, "more model")), usize::from(area.width));
        pane::line(frame, below, FRAME + shown as u16, Span::styled(text, theme.muted()));
    }
    Rect { height: above, ..area }
}

/// The columns that leave room for a name.
fn fitting(task: Task, cells: usize) -> Vec<Column> {
    let all: &[Column] = if task.generates() { &TEXT } else { &ITEMS };
    let mut used = MIN_NAME;
    let fits = |column: &&Column| {
        used += column.1;
        used <= cells
    };
    all.iter().take_while(fits).copied().collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::attempt::AttemptStatus;
    use crate::domain::model_mix::{ModelMix, WeightedModel};
    use crate::domain::session::Plan;
    use crate::ui::number;
    use crate::ui::testing::{Script, Stage, text};
    use crate::ui::theme::Theme;

    fn stage(models: usize) -> Stage {
        let mut stage = Stage::new(&["a"], Plan { repeat: 2, ..Plan::default() });
        let model = |n: usize| WeightedModel { name: format!("adapter-{n}"), weight: 1 };
        let mix = ModelMix::new((0..models).map(model).collect(), 0).unwrap();
        let mut suite = (*stage.app.scene.session.suite).clone();
        suite.model_mix = mix;
        stage.app.scene.session.suite = std::sync::Arc::new(suite);
        stage.connect();
        for (number, status) in [(1, AttemptStatus::Ok), (2, AttemptStatus::Timeout)] {
            stage.start(0, number, Script::plain(100, 10, 50));
            stage.pass(2000);
            stage.end(0, |record| {
                record.status = status;
                record.usage.completion_tokens = Some(50);
                record.model = format!("adapter-{}", number - 1);
            });
        }
        stage
    }

    fn shown(stage: &Stage, width: u16, height: u16) -> String {
        text(&stage.draw_with(width, height, Theme::mono(), crate::ui::pane::latency::draw))
    }

    #[test]
    fn each_model_has_a_row_with_its_figures() {
        let screen = shown(&stage(2), 60, 16);
        let row = |name: &str| screen.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        let cells = |name: &str| -> Vec<String> { row(name).split_whitespace().map(str::to_owned).collect() };
        assert_eq!(cells("model (means)")[2..], ["TTFT", "decode", "n", "failed"], "{screen}");
        let stage = stage(2);
        let record = stage.app.scene.session.records().find(|record| record.is_ok()).unwrap();
        let ttft = number::millis(record.time_to_first_token_ms());
        let expected = format!("{ttft} {} 1 0", number::rate(record.decode_tokens_per_s()));
        assert_eq!(cells("adapter-0")[1..].join(" "), expected, "{screen}");
        assert_eq!(cells("adapter-1")[1..], ["–", "–", "0", "1"], "{screen}");
    }

    #[test]
    fn models_that_do_not_fit_are_counted() {
        let screen = shown(&stage(40), 60, 16);
        assert!(screen.contains("… and 35 more models"), "{screen}");
        assert!(!shown(&stage(2), 60, 8).contains("adapter"), "a low pane has no table");
        assert!(!shown(&stage(2), 24, 16).contains("failed"), "a narrow pane has fewer columns");
    }
}
