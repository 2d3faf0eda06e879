//! Keys in the list of themes.

use super::notices::show_notice;
use crate::app::action::Action;
use crate::app::state::theme::ThemeChoice;
use crate::app::state::{App, Overlay};

/// Opens the list with the current theme highlighted.
pub(super) fn open(app: &mut App) {
    let before = app.ui.theme.clone();
    let at = app.themes.iter().position(|offered| offered.name == before).unwrap_or(0);
    app.ui.overlay = Overlay::Themes(ThemeChoice { highlighted: at, before });
}

/// Carries out an action in the list. Moving shows the highlighted theme, confirming keeps it, and going back restores
/// the previous theme.
pub(super) fn act(app: &mut App, action: Action) {
    let Overlay::Themes(choice) = &mut app.ui.overlay else { return };
    let themes = app.themes.len().max(1);
    match action {
        Action::SelectNext => choice.highlighted = (choice.highlighted + 1) % themes,
        Action::SelectPrevious => choice.highlighted = (choice.highlighted + themes - 1) % themes,
        Action::Confirm => return confirm(app),
        Action::Back => {
            app.ui.theme = choice.before.clone();
            app.ui.overlay = Overlay::None;
            return;
        }
        _ => return,
    }
    // A theme whose file has a mistake cannot be shown.
    if let Some(offered) = app.themes.get(choice.highlighted).filter(|offered| offered.mistake.is_none()) {
        app.ui.theme = offered.name.clone();
    }
}

fn confirm(app: &mut App) {
    let Overlay::Themes(choice) = &app.ui.overlay else { return };
    let mistake = app.themes.get(choice.highlighted).and_then(|offered| offered.mistake.clone());
    let now = app.scene.now;
    if let Some(mistake) = mistake {
        show_notice(app, now, &mistake, true);
        return;
    }
    app.ui.overlay = Overlay::None;
    let name = app.ui.theme.as_str();
    let text = format!("Theme: {name} (for every run: theme = \"{name}\" in config.toml)");
    show_notice(app, now, &text, false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Msg;
    use crate::app::state::theme::{OfferedTheme, ThemeName};
    use crate::app::update::testing::app;
    use crate::app::update::update;
    use crate::domain::time::Nanos;

    fn press(app: &mut App, actions: &[Action]) {
        for action in actions {
            assert!(update(app, Msg::Action(Nanos(5), *action)).is_empty());
        }
    }

    #[test]
    fn moving_shows_a_theme_enter_keeps_it_and_esc_restores_the_one_before() {
        use Action as A;
        let mut app = app(1);
        press(&mut app, &[A::ChooseTheme, A::SelectNext, A::SelectNext]);
        assert_eq!(app.ui.theme, ThemeName::Light);
        press(&mut app, &[A::Back]);
        assert_eq!((&app.ui.theme, &app.ui.overlay), (&ThemeName::Auto, &Overlay::None));
        press(&mut app, &[A::ChooseTheme, A::SelectPrevious, A::Confirm]);
        assert_eq!((&app.ui.theme, &app.ui.overlay), (&ThemeName::Mono, &Overlay::None));
        assert!(app.ui.notice.as_ref().is_some_and(|n| n.text.contains("Theme: mono") && !n.is_error));
        // The list opens at the current theme, and the first theme follows the last.
        press(&mut app, &[A::ChooseTheme, A::SelectNext, A::Confirm]);
        assert_eq!(app.ui.theme, ThemeName::Auto);
    }

    #[test]
    fn a_theme_with_a_mistake_is_neither_shown_nor_kept() {
        let mut app = app(1);
        let name = ThemeName::Custom("mine".to_owned());
        app.themes = vec![
            OfferedTheme { name: ThemeName::Dark, mistake: None },
            OfferedTheme { name, mistake: Some("mine.toml:3: unknown key 'acent'".to_owned()) },
        ];
        app.ui.theme = ThemeName::Dark;
        press(&mut app, &[Action::ChooseTheme, Action::SelectNext, Action::Confirm]);
        assert!(matches!(app.ui.overlay, Overlay::Themes(_)));
        assert_eq!(app.ui.theme, ThemeName::Dark);
        assert!(app.ui.notice.as_ref().is_some_and(|n| n.is_error && n.text.contains("mine.toml:3")));
    }
}
