//! The model under test: named by the user, the endpoint's only one, or chosen on the screen.

use super::notices::show_notice;
use super::{session, stop};
use crate::app::action::Action;
use crate::app::message::{Effect, RunEffect};
use crate::app::state::answer::PAGE_LINES;
use crate::app::state::model_choice::ModelChoice;
use crate::app::state::stop::StopCause;
use crate::app::state::{App, Connection, Overlay};
use crate::domain::session::SessionInput;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Applies the endpoint's list of models: begins the run, asks the user for a model, or refuses the endpoint.
/// `list_error` is the reason for a missing list.
pub(super) fn discovered(app: &mut App, now: Nanos, models: Vec<String>, list_error: Option<String>) -> Vec<Effect> {
    app.listed_models.clone_from(&models);
    match choose_model(app.wanted_model.as_deref(), &models) {
        Ok(model) => begin(app, now, model, &models, list_error),
        Err(refusal) if app.asks_for_model && models.len() > 1 => {
            app.scene.target.connection = Connection::Unnamed;
            let about = format!("{} models found. Choose one to benchmark.", models.len());
            app.ui.overlay = Overlay::Models(ModelChoice { models, refusal, about, ..ModelChoice::default() });
            Vec::new()
        }
        Err(why) => {
            app.scene.target.connection = Connection::Refused(why);
            Vec::new()
        }
    }
}

/// Begins the run with this model.
fn begin(app: &mut App, now: Nanos, model: String, listed: &[String], list_error: Option<String>) -> Vec<Effect> {
    let unlisted = |why: String| format!("could not list the models, using '{}' anyway: {why}", sanitise_line(&model));
    let mix = app.scene.session.suite.model_mix.as_ref();
    let doubt = || mix.map_or_else(|| doubt(&model, listed), |mix| mix.names().find_map(|name| doubt(name, listed)));
    let found = list_error.map(unlisted).or_else(doubt);
    app.model_doubt = found;
    if let Some(why) = app.model_doubt.clone() {
        show_notice(app, now, &why, true);
    }
    app.scene.target.model = Some(model);
    app.scene.target.connection = Connection::Ready;
    let mut effects = vec![Effect::Run(RunEffect::BeginTelemetry)];
    effects.extend(session::apply(app, SessionInput::Begin(now)));
    effects
}

/// Offers the endpoint's other models if it refused the run's model. Returns false if there is none, or no user to
/// choose.
pub(super) fn offer_another(app: &mut App) -> bool {
    let others = app.listed_models.iter().any(|name| Some(name) != app.scene.target.model.as_ref());
    let stop = app.scene.stop.as_ref().filter(|stop| stop.cause == StopCause::Model);
    let Some(stop) = stop.filter(|_| app.asks_for_model && others) else { return false };
    let refused = app.scene.target.model.as_deref().map(sanitise_line).unwrap_or_default();
    let choice = ModelChoice {
        models: app.listed_models.clone(),
        refusal: stop.reason.clone(),
        about: format!("The endpoint refused '{refused}'. Choose another model?"),
        ..ModelChoice::default()
    };
    app.ui.overlay = Overlay::Models(choice);
    true
}

/// Resumes a stopped run. After a refused model, offers the others first.
pub(super) fn try_again(app: &mut App) -> Vec<Effect> {
    if offer_another(app) { Vec::new() } else { stop::resume(app) }
}

/// The model that the user named, or the endpoint's only one. The error asks the user to name a model.
fn choose_model(wanted: Option<&str>, listed: &[String]) -> Result<String, String> {
    match (wanted, listed) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("the endpoint lists no models; pass one with --model".to_owned()),
        (None, many) => {
            let names: Vec<_> = many.iter().take(20).map(|m| sanitise_line(m)).collect();
            Err(format!("the endpoint lists {} models; pass one with --model: {}", many.len(), names.join(", ")))
        }
    }
}

/// Warning if the endpoint does not list the model. tokscope tries it anyway, because some endpoints serve unlisted
/// models.
fn doubt(model: &str, listed: &[String]) -> Option<String> {
    if listed.is_empty() || listed.iter().any(|m| m == model) {
        return None;
    }
    let names: Vec<_> = listed.iter().take(5).map(|m| sanitise_line(m)).collect();
    let more = if listed.len() > 5 { ", …" } else { "" };
    Some(format!(
        "the endpoint does not list '{}', only {}{more}; trying it anyway",
        sanitise_line(model),
        names.join(", ")
    ))
}

/// Carries out an action in the list of models.
pub(super) fn act(app: &mut App, action: Action) -> Vec<Effect> {
    let now = app.scene.now;
    let Overlay::Models(choice) = &mut app.ui.overlay else { return Vec::new() };
    let last = choice.found().len().saturating_sub(1);
    let mut step = |by: isize| choice.highlighted = choice.highlighted.saturating_add_signed(by).min(last);
    match action {
        Action::SelectNext => step(1),
        Action::SelectPrevious => step(-1),
        Action::ScrollDown => step(PAGE_LINES),
        Action::ScrollUp => step(-PAGE_LINES),
        Action::Confirm => {
            let Some(model) = choice.found().get(choice.highlighted).map(|&m| m.to_owned()) else { return Vec::new() };
            let listed = std::mem::take(&mut choice.models);
            app.ui.overlay = Overlay::None;
            // From here on, the chosen model counts as named on the command line.
            app.wanted_model = Some(model.clone());
            if app.scene.stop.is_none() {
                return begin(app, now, model, &listed, None);
            }
            app.model_doubt = None;
            app.scene.target.model = Some(model);
            return stop::resume(app);
        }
        Action::Back if !choice.query.is_empty() => {
            choice.query.clear();
            choice.highlighted = 0;
        }
        // A stopped run keeps its results, so only the quit key ends the program.
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
    use crate::app::state::text_field::Edit;
    use crate::app::update::testing::{app, discovered};
    use crate::app::update::update;
    use crate::domain::live::EngineCommand;
    use crate::domain::session::Mode;

    const LISTED: [&str; 4] = ["Qwen/Qwen3-8B", "Qwen/Qwen3-32B-FP8", "meta-llama/Llama-3.1-8B", "qwen-coder:latest"];

    fn app_with_choice() -> App {
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
    fn a_model_chosen_among_several_is_used_as_if_it_had_been_named() {
        let mut app = app_with_choice();
        assert_eq!((app.scene.session.mode, app.exit_status()), (Mode::Waiting, 3));
        typed(&mut app, "8b");
        assert_eq!(choice(&app).found(), ["Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B"]);
        (0..9).for_each(|_| drop(press(&mut app, Action::SelectNext)));
        let effects = press(&mut app, Action::Confirm);
        assert_eq!(app.scene.target.model.as_deref(), Some("meta-llama/Llama-3.1-8B"));
        assert_eq!((app.scene.session.mode, &app.ui.overlay), (Mode::Running, &Overlay::None));
        assert_eq!((app.wanted_model.as_deref(), &app.model_doubt), (app.scene.target.model.as_deref(), &None));
        assert!(matches!(effects[0], Effect::Run(RunEffect::BeginTelemetry)), "{effects:?}");
        let is_start = |e: &Effect| matches!(e, Effect::Run(RunEffect::Engine(EngineCommand::Start { model, .. })) if model == LISTED[2]);
        assert!(effects.iter().any(is_start), "{effects:?}");
    }

    #[test]
    fn the_query_matches_in_any_order_and_without_a_match_nothing_is_chosen() {
        let mut app = app_with_choice();
        press(&mut app, Action::SelectNext);
        typed(&mut app, "fp8 QWEN");
        assert_eq!((choice(&app).found(), choice(&app).highlighted), (vec!["Qwen/Qwen3-32B-FP8"], 0));
        typed(&mut app, "zzz");
        assert!(press(&mut app, Action::Confirm).is_empty());
        assert_eq!(app.scene.session.mode, Mode::Waiting);
        // The first `esc` clears the query.
        assert!(press(&mut app, Action::Back).is_empty());
        assert_eq!(choice(&app).found().len(), LISTED.len());
    }

    #[test]
    fn closing_the_choice_quits_with_the_reason() {
        for action in [Action::Back, Action::Quit] {
            let mut app = app_with_choice();
            assert!(matches!(press(&mut app, action)[..], [Effect::Quit(3)]));
            let Connection::Refused(why) = &app.scene.target.connection else { panic!("{:?}", app.scene.target) };
            assert!(why.contains("4 models; pass one with --model: Qwen/Qwen3-8B, "), "{why}");
        }
    }

    #[test]
    fn several_models_without_a_dashboard_are_an_error() {
        let mut app = app(1);
        assert!(discovered(&mut app, &LISTED).is_empty());
        assert!(matches!(app.scene.target.connection, Connection::Refused(_)));
        assert_eq!(app.ui.overlay, Overlay::None);
    }
}
