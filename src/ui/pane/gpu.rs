//! GPU memory, load, power and temperature; or why there is no such figure.

mod card;

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::model::PaneId;
use crate::domain::text::sanitise_line;
use crate::ui::pane;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    // A sensor of this machine says nothing of a server elsewhere, nor of a simulator.
    let elsewhere = scene.target.simulated || !scene.target.is_local();
    let hosts: BTreeSet<&str> = scene.gpu.gpus.iter().filter_map(|gpu| gpu.info.host.as_deref()).collect();
    let about = match hosts.first() {
        Some(host) if hosts.len() == 1 => sanitise_line(host),
        Some(_) => format!("{} machines", hosts.len()),
        None if elsewhere => "this machine".to_owned(),
        None => String::new(),
    };
    let driver =
        scene.gpu.driver.as_deref().map(|d| Span::styled(format!("driver {}", sanitise_line(d)), theme.muted()));
    let area = pane::rule(frame, area, view, PaneId::Gpu, &about, driver.into_iter().collect());

    let gpus = &scene.gpu.gpus;
    if gpus.is_empty() {
        let text = scene.gpu.absent.as_deref().map_or_else(|| "Looking for a GPU…".to_owned(), sanitise_line);
        let area = area.intersection(frame.area());
        let lines = wrap(&[Span::raw(text)], usize::from(area.width)).into_iter().map(Line::from);
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).style(theme.muted()), area);
        return;
    }
    let count = gpus.len() as u16;
    // With a line left over, it tells how many are not seen.
    let seen = if area.height < count { area.height.saturating_sub(1) } else { count };
    let each = area.height / seen.max(1);
    for (at, gpu) in gpus.iter().take(usize::from(seen)).enumerate() {
        // An empty line sets cards apart where there is room for it.
        let height = if seen > 1 && each > card::WHOLE { card::WHOLE } else { each };
        let place = Rect { y: area.y + at as u16 * (height + u16::from(height < each)), height, ..area };
        card::draw(frame, place, view, gpu, seen > 1);
    }
    if seen < count {
        pane::line(frame, area, seen, Span::styled(format!("and {} more", count - seen), theme.muted()));
    }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::app::message::Msg;
    use crate::domain::gpu::GpuEvent;
    use crate::domain::session::Plan;
    use crate::ui::testing::{Stage, TEN, script_of, text};
    use crate::ui::theme::Theme;

    fn shown(stage: &Stage, width: u16, height: u16) -> String {
        text(&stage.draw_with(width, height, Theme::ansi(), draw))
    }

    fn one_gpu() -> Stage {
        let mut stage = Stage::new(&TEN, Plan::default());
        stage.find_gpus(1);
        stage.connect();
        stage.start(0, 1, script_of(0));
        stage.pass(1000);
        stage
    }

    #[test]
    fn a_silent_driver_is_told_while_the_run_is_active() {
        let mut stage = one_gpu();
        assert!(!shown(&stage, 60, 8).contains("silent"));
        stage.now_ms += 3200;
        stage.frame();
        assert!(shown(&stage, 60, 8).contains("driver silent 3.2 s"));
        assert!(shown(&stage, 25, 5).contains("driver silent 3.2 s"));
    }

    #[test]
    fn no_gpu_is_a_reason_and_never_a_figure() {
        let mut stage = Stage::new(&TEN, Plan::default());
        assert!(shown(&stage, 40, 4).contains("Looking for a GPU"));
        stage.send(Msg::Gpu(GpuEvent::Absent("no driver here".to_owned())));
        let shown = shown(&stage, 40, 4);
        assert!(shown.contains("no driver here") && !shown.contains('0'), "{shown}");
    }

    #[test]
    fn a_gpu_beside_a_server_elsewhere_is_called_this_machines() {
        let mut stage = one_gpu();
        assert!(!shown(&stage, 60, 8).contains("this machine"));
        stage.app.scene.target.url = "https://api.example.com/v1".to_owned();
        assert!(shown(&stage, 60, 8).contains("this machine"));
        stage.app.scene.target.url = "http://localhost:1/v1".to_owned();
        stage.app.scene.target.simulated = true;
        assert!(shown(&stage, 60, 8).contains("this machine"));
    }

    #[test]
    fn a_missing_sensor_is_a_dash() {
        let mut stage = Stage::new(&TEN, Plan::default());
        stage.find_gpus(1);
        let shown = shown(&stage, 60, 8);
        for line in ["memory", "load", "power", "temp"] {
            let line = shown.lines().find(|l| l.starts_with(line)).unwrap();
            assert!(line.contains('–') && !line.contains(" 0 "), "{line}");
        }
    }

    #[test]
    fn what_is_special_about_its_memory_is_told() {
        let mut stage = one_gpu();
        assert!(!shown(&stage, 60, 8).contains("incl. reserved"));
        stage.app.scene.gpu.gpus[0].info.memory_used_includes_reserved = true;
        for width in [60, 40] {
            assert!(shown(&stage, width, 8).contains("MiB incl. reserved"), "{}", shown(&stage, width, 8));
        }
        let mut stage = Stage::new(&TEN, Plan::default());
        stage.find_gpus(1);
        stage.app.scene.gpu.gpus[0].info.memory_unknown_because = Some("shared with the machine".to_owned());
        for (width, height) in [(60, 8), (60, 3), (40, 8), (25, 3)] {
            let shown = shown(&stage, width, height);
            assert!(shown.contains("shared with the machine"), "{shown}");
        }
    }

    #[test]
    fn more_gpus_than_lines_are_counted() {
        let mut stage = Stage::new(&TEN, Plan::default());
        stage.find_gpus(8);
        assert!(shown(&stage, 60, 5).contains("and 5 more"));
        assert!(!shown(&stage, 60, 9).contains("more"));
    }

    #[test]
    fn gpus_of_other_machines_are_called_by_their_machine() {
        let mut stage = Stage::new(&TEN, Plan::default());
        stage.find_gpus(2);
        for (at, host) in ["node-7", "node-7"].into_iter().enumerate() {
            stage.app.scene.gpu.gpus[at].info.host = Some(host.to_owned());
        }
        assert!(shown(&stage, 60, 8).contains("GPU · node-7"), "{}", shown(&stage, 60, 8));
        stage.app.scene.gpu.gpus[1].info.host = Some("node-8".to_owned());
        assert!(shown(&stage, 60, 8).contains("GPU · 2 machines"));
    }
}
