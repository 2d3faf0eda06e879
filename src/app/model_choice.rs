//! Which model is asked: the one wanted, the only one, or the one that is chosen on the screen.

use super::answer::PAGE;
use super::message::{Action, Effect};
use super::model::{App, Connection, Overlay};
use super::notice::notice;
use super::session::session;
use super::stop::{self, Cause};
use super::text_field::TextField;
use crate::domain::session::SessionEvent;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// The endpoint's models, what is typed to find one, and which of those it finds is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelChoice {
    /// All, in the endpoint's order and as it spells them.
    pub models: Vec<String>,
    /// Parts of a name, in any order.
    pub query: TextField,
    /// Place among what is found.
    pub at: usize,
    /// What is told when none is chosen.
    pub refusal: String,
    /// Why one is to be chosen, in a sentence or two.
    pub about: String,
}

impl ModelChoice {
    /// Those whose names have every word of what is typed.
    pub fn found(&self) -> Vec<&str> {
        let wanted: Vec<String> = self.query.as_str().split_whitespace().map(str::to_lowercase).collect();
        let has_all = |name: &str| {
            let name = sanitise_line(name).to_lowercase();
            wanted.iter().all(|part| name.contains(part.as_str()))
        };
        self.models.iter().map(String::as_str).filter(|name| has_all(name)).collect()
    }
}

/// The endpoint lists these: the run begins, or which one is asked, or there is no way on.
pub(super) fn discovered(app: &mut App, now: Nanos, models: Vec<String>, list_error: Option<String>) -> Vec<Effect> {
    app.listed_models.clone_from(&models);
    match choose_model(app.wanted_model.as_deref(), &models) {
        Ok(model) => begin(app, now, model, &models, list_error),
        Err(refusal) if app.asks_for_model && models.len() > 1 => {
            app.scene.target.connection = Connection::Unnamed;
            let about = format!("It has {} models, and none was named with --model.", models.len());
            app.ui.overlay = Overlay::Models(ModelChoice { models, refusal, about, ..ModelChoice::default() });
            Vec::new()
        }
        Err(why) => {
            app.scene.target.connection = Connection::Refused(why);
            Vec::new()
        }
    }
}

fn begin(app: &mut App, now: Nanos, model: String, listed: &[String], list_error: Option<String>) -> Vec<Effect> {
    let unlisted =
        |why: String| format!("no list of models, asked for '{}' all the same: {why}", sanitise_line(&model));
    app.model_doubt = list_error.map(unlisted).or_else(|| doubt(&model, listed));
    if let Some(why) = app.model_doubt.clone() {
        notice(app, now, &why, true);
    }
    app.scene.target.model = Some(model);
    app.scene.target.connection = Connection::Ready;
    let mut effects = vec![Effect::BeginTelemetry];
    effects.extend(session(app, SessionEvent::Begin(now)));
    effects
}

/// Offers the endpoint's models where it refused the run's; false if there is no other one, or nobody to choose.
pub(super) fn offer_another(app: &mut App) -> bool {
    let others = app.listed_models.iter().any(|name| Some(name) != app.scene.target.model.as_ref());
    let stop = app.scene.stop.as_ref().filter(|stop| stop.cause == Cause::Model);
    let Some(stop) = stop.filter(|_| app.asks_for_model && others) else { return false };
    let asked = app.scene.target.model.as_deref().map(sanitise_line).unwrap_or_default();
    let choice = ModelChoice {
        models: app.listed_models.clone(),
        refusal: stop.reason.clone(),
        about: format!("The endpoint refuses '{asked}'. Measure another one?"),
        ..ModelChoice::default()
    };
    app.ui.overlay = Overlay::Models(choice);
    true
}

/// Tries again what stopped the run, and goes on with it. Of a wrong model another one is offered first.
pub(super) fn try_again(app: &mut App) -> Vec<Effect> {
    if offer_another(app) { Vec::new() } else { stop::go_on(app) }
}

/// The model to ask: the one wanted, else the only one there is.
fn choose_model(wanted: Option<&str>, listed: &[String]) -> Result<String, String> {
    match (wanted, listed) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("the endpoint lists no model; name one with --model".to_owned()),
        (None, many) => {
            let names: Vec<_> = many.iter().take(20).map(|m| sanitise_line(m)).collect();
            Err(format!("the endpoint has {} models; name one with --model: {}", many.len(), names.join(", ")))
        }
    }
}

/// Some endpoints answer for models they do not list: it is tried, and said.
fn doubt(model: &str, listed: &[String]) -> Option<String> {
    if listed.is_empty() || listed.iter().any(|m| m == model) {
        return None;
    }
    let names: Vec<_> = listed.iter().take(5).map(|m| sanitise_line(m)).collect();
    let more = if listed.len() > 5 { ", …" } else { "" };
    Some(format!(
        "the endpoint does not list '{}', only {}{more}; tried all the same",
        sanitise_line(model),
        names.join(", ")
    ))
}

/// What an action means while the models are listed.
pub(super) fn act(app: &mut App, action: Action) -> Vec<Effect> {
    let now = app.scene.now;
    let Overlay::Models(choice) = &mut app.ui.overlay else { return Vec::new() };
    let last = choice.found().len().saturating_sub(1);
    let mut turn = |by: isize| choice.at = choice.at.saturating_add_signed(by).min(last);
    match action {
        Action::SelectNext => turn(1),
        Action::SelectPrevious => turn(-1),
        Action::ScrollDown => turn(PAGE),
        Action::ScrollUp => turn(-PAGE),
        Action::Confirm => {
            let Some(model) = choice.found().get(choice.at).map(|&m| m.to_owned()) else { return Vec::new() };
            let listed = std::mem::take(&mut choice.models);
            app.ui.overlay = Overlay::None;
            // As if it had been named from the start.
            app.wanted_model = Some(model.clone());
            if app.scene.stop.is_none() {
                return begin(app, now, model, &listed, None);
            }
            app.model_doubt = None;
            app.scene.target.model = Some(model);
            return stop::go_on(app);
        }
        Action::Back if !choice.query.is_empty() => {
            choice.query.clear();
            choice.at = 0;
        }
        // A stopped run keeps what it has: only quitting leaves it.
        Action::Back if app.scene.stop.is_some() => app.ui.overlay = Overlay::None,
        Action::Quit if app.scene.stop.is_some() => {
            app.ui.overlay = Overlay::None;
            return vec![Effect::Quit(app.exit_status())];
        }
        Action::Back | Action::Quit => {
            let why = std::mem::take(&mut choice.refusal);
            app.ui.overlay = Overlay::None;
            app.scene.target.connection = Connection::Refused(why);
            return vec![Effect::Quit(app.exit_status())];
        }
        _ => {}
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Msg;
    use crate::app::text_field::Edit;
    use crate::app::update::testing::{app, discovered};
    use crate::app::update::update;
    use crate::domain::live::EngineCommand;
    use crate::domain::session::Mode;

    const LISTED: [&str; 4] = ["Qwen/Qwen3-8B", "Qwen/Qwen3-32B-FP8", "meta-llama/Llama-3.1-8B", "qwen-coder:latest"];

    fn asked() -> App {
        let mut app = app(1);
        app.asks_for_model = true;
        assert!(discovered(&mut app, &LISTED).is_empty());
        app
    }

    fn press(app: &mut App, action: Action) -> Vec<Effect> {
        update(app, Msg::Action(Nanos(10), action))
    }

    fn typed(app: &mut App, text: &str) {
        update(app, Msg::Edit(Edit::Paste(text.to_owned())));
    }

    fn choice(app: &App) -> &ModelChoice {
        match &app.ui.overlay {
            Overlay::Models(choice) => choice,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn of_several_models_one_is_chosen_and_asked_as_if_it_had_been_named() {
        let mut app = asked();
        assert_eq!((app.scene.session.mode, app.exit_status()), (Mode::Waiting, 3));
        typed(&mut app, "8b");
        assert_eq!(choice(&app).found(), ["Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B"]);
        (0..9).for_each(|_| drop(press(&mut app, Action::SelectNext)));
        let effects = press(&mut app, Action::Confirm);
        assert_eq!(app.scene.target.model.as_deref(), Some("meta-llama/Llama-3.1-8B"));
        assert_eq!((app.scene.session.mode, &app.ui.overlay), (Mode::Running, &Overlay::None));
        assert_eq!((app.wanted_model.as_deref(), &app.model_doubt), (app.scene.target.model.as_deref(), &None));
        assert!(matches!(effects[0], Effect::BeginTelemetry), "{effects:?}");
        let asks = |e: &Effect| matches!(e, Effect::Engine(EngineCommand::Start { model, .. }) if model == LISTED[2]);
        assert!(effects.iter().any(asks), "{effects:?}");
    }

    #[test]
    fn words_are_found_in_any_order_and_nothing_found_is_nothing_chosen() {
        let mut app = asked();
        press(&mut app, Action::SelectNext);
        typed(&mut app, "fp8 QWEN");
        assert_eq!((choice(&app).found(), choice(&app).at), (vec!["Qwen/Qwen3-32B-FP8"], 0));
        typed(&mut app, "zzz");
        assert!(press(&mut app, Action::Confirm).is_empty());
        assert_eq!(app.scene.session.mode, Mode::Waiting);
        // The first way back drops what was typed.
        assert!(press(&mut app, Action::Back).is_empty());
        assert_eq!(choice(&app).found().len(), LISTED.len());
    }

    #[test]
    fn choosing_none_ends_with_the_reason() {
        for action in [Action::Back, Action::Quit] {
            let mut app = asked();
            assert!(matches!(press(&mut app, action)[..], [Effect::Quit(3)]));
            let Connection::Refused(why) = &app.scene.target.connection else { panic!("{:?}", app.scene.target) };
            assert!(why.contains("4 models; name one with --model: Qwen/Qwen3-8B, "), "{why}");
        }
    }

    #[test]
    fn where_nobody_can_choose_it_is_refused() {
        let mut app = app(1);
        assert!(discovered(&mut app, &LISTED).is_empty());
        assert!(matches!(app.scene.target.connection, Connection::Refused(_)));
        assert_eq!(app.ui.overlay, Overlay::None);
    }
}
