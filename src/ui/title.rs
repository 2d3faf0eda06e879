//! Title of the terminal: progress, throughput and model.

use crate::app::state::Scene;
use crate::domain::session::Mode;
use crate::ui::number;

/// Returns the title: `tokscope 21/50 · ~112 tok/s · MODEL`.
pub fn text(scene: &Scene) -> String {
    let began = scene.session.began.is_some();
    let state = match scene.session.mode {
        Mode::Waiting => "waiting".to_owned(),
        Mode::Finished => "finished".to_owned(),
        Mode::Held | Mode::Running => scene.progress().to_string(),
    };
    let speed = scene.throughput_so_far().filter(|_| began && scene.session.is_active());
    let unit = scene.session.suite.task.throughput_unit();
    let speed = speed.map(|figure| number::throughput(figure, unit));
    let parts = [Some(format!("tokscope {state}")), speed, scene.target.model.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Plan;
    use crate::ui::testing::{Script, Stage};

    #[test]
    fn the_title_has_the_progress_the_throughput_and_the_model() {
        let mut stage = Stage::new(&["a", "b"], Plan { repeat: 2, ..Plan::default() });
        assert!(text(&stage.app.scene).starts_with("tokscope waiting"), "{}", text(&stage.app.scene));
        stage.connect();
        stage.start(0, 1, Script::plain(10, 10, 200));
        stage.finish(0);
        stage.start(0, 2, Script::plain(10, 10, 200));
        let model = stage.app.scene.target.model.clone().unwrap();
        // 200 tokens arrive in 10 ms, 199 gaps of 10 ms and the jitter of the last gap.
        assert_eq!(text(&stage.app.scene), format!("tokscope 1/4 · 100 tok/s · {model}"));
    }
}
