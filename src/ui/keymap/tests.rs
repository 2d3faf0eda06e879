use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::*;
use crate::app::message::Msg;
use crate::app::state::text_field::Edit;
use crate::domain::time::Nanos;

fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent::new(code, modifiers)
}

/// The message for a key while this overlay is open.
fn resolve(overlay: &Overlay, event: &KeyEvent) -> Option<Msg> {
    let ui = UiState::with_overlay(overlay.clone());
    Keymap::standard().resolve(&ui, event, Nanos(7))
}

fn action(overlay: &Overlay, code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
    match resolve(overlay, &press(code, modifiers)) {
        Some(Msg::Action(Nanos(7), action)) => Some(action),
        _ => None,
    }
}

#[test]
fn no_key_has_two_meanings_in_one_context() {
    for (i, one) in BINDINGS.iter().enumerate() {
        for other in &BINDINGS[i + 1..] {
            // A pane's key that takes precedence over one of all panes is no conflict.
            let overlap = one.on == other.on || one.on == Context::Anywhere || other.on == Context::Anywhere;
            let shared: Vec<_> = one.keys.iter().filter(|k| other.keys.contains(k)).map(Key::to_string).collect();
            assert!(!overlap || shared.is_empty(), "{shared:?} is both '{}' and '{}'", one.help, other.help);
        }
    }
}

#[test]
fn every_action_has_a_key() {
    /// Successor in the list of all actions. The match is exhaustive, so that a new action does not compile until it is
    /// added.
    fn next(action: Action) -> Option<Action> {
        use Action as A;
        Some(match action {
            A::ToggleHold => A::TogglePauseCase,
            A::TogglePauseCase => A::Rerun,
            A::Rerun => A::RerunFailed,
            A::RerunFailed => A::Cancel,
            A::Cancel => A::Export,
            A::Export => A::ChooseExport,
            A::ChooseExport => A::ViewReport,
            A::ViewReport => A::ToggleFreeze,
            A::ToggleFreeze => A::SelectNext,
            A::SelectNext => A::SelectPrevious,
            A::SelectPrevious => A::SelectFirst,
            A::SelectFirst => A::SelectLast,
            A::SelectLast => A::ScrollDown,
            A::ScrollDown => A::ScrollUp,
            A::ScrollUp => A::NextPane,
            A::NextPane => A::PreviousPane,
            A::PreviousPane => A::Focus(PaneId::ALL[0]),
            A::Focus(pane) => {
                match PaneId::ALL.iter().position(|p| *p == pane).and_then(|at| PaneId::ALL.get(at + 1)) {
                    Some(next) => A::Focus(*next),
                    None => A::Zoom,
                }
            }
            A::Zoom => A::Back,
            A::Back => A::Filter,
            A::Filter => A::Copy,
            A::Copy => A::NextLayout,
            A::NextLayout => A::PreviousLayout,
            A::PreviousLayout => A::SortByNext,
            A::SortByNext => A::ReverseSort,
            A::ReverseSort => A::Unfold,
            A::Unfold => A::Fold,
            A::Fold => A::ToggleBaseline,
            A::ToggleBaseline => A::Help,
            A::Help => A::Palette,
            A::Palette => A::ToggleMouse,
            A::ToggleMouse => A::Redraw,
            A::Redraw => A::Suspend,
            A::Suspend => A::Quit,
            A::Quit => A::ChooseTheme,
            A::ChooseTheme => A::LineDown,
            A::LineDown => A::LineUp,
            A::LineUp => A::ToTop,
            A::ToTop => A::ToEnd,
            A::ToEnd => A::ToggleThinking,
            A::ToggleThinking => A::ToggleRaw,
            A::ToggleRaw => A::ToggleExchange,
            A::ToggleExchange => A::Search,
            A::Search => A::NextMatch,
            A::NextMatch => A::PreviousMatch,
            A::PreviousMatch => A::ScopeCloser,
            A::ScopeCloser => A::ScopeWider,
            A::ScopeWider => A::ScopeEarlier,
            A::ScopeEarlier => A::ScopeLater,
            A::ScopeLater => A::ScopeCursor,
            A::ScopeCursor => A::ScopeNow,
            A::ScopeNow => A::ScopeStack,
            A::ScopeStack => A::ScopeAxis,
            A::ScopeAxis => A::SweepChart,
            A::SweepChart => A::ReplayBack,
            A::ReplayBack => A::ReplayForward,
            A::ReplayForward => A::ReplaySlower,
            A::ReplaySlower => A::ReplayFaster,
            A::ReplayFaster => A::Confirm,
            A::Confirm => return None,
        })
    }
    let all: Vec<_> = std::iter::successors(Some(Action::ToggleHold), |&a| next(a)).collect();
    assert_eq!(all.len(), 59 + PaneId::ALL.len());
    for action in all {
        assert!(BINDINGS.iter().any(|b| b.action == action), "{action:?}");
    }
}

#[test]
fn shift_is_understood_however_the_terminal_reports_it() {
    let panes = Overlay::None;
    for (code, modifiers) in [
        (KeyCode::Char('R'), KeyModifiers::NONE),
        (KeyCode::Char('R'), KeyModifiers::SHIFT),
        (KeyCode::Char('r'), KeyModifiers::SHIFT),
    ] {
        assert_eq!(action(&panes, code, modifiers), Some(Action::RerunFailed));
    }
    assert_eq!(action(&panes, KeyCode::Char('r'), KeyModifiers::NONE), Some(Action::Rerun));
    assert_eq!(action(&panes, KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Action::Help));
    assert_eq!(action(&panes, KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousPane));
    assert_eq!(action(&panes, KeyCode::Tab, KeyModifiers::SHIFT), Some(Action::PreviousPane));
    assert_eq!(action(&panes, KeyCode::Char('r'), KeyModifiers::ALT), None);
    assert_eq!(action(&panes, KeyCode::Char('x'), KeyModifiers::CONTROL), None);
}

#[test]
fn releases_are_ignored_and_repeats_act_like_presses() {
    let of_kind = |kind| KeyEvent::new_with_kind(KeyCode::Char('j'), KeyModifiers::NONE, kind);
    assert!(resolve(&Overlay::None, &of_kind(KeyEventKind::Release)).is_none());
    assert!(resolve(&Overlay::None, &of_kind(KeyEventKind::Repeat)).is_some());
    assert!(resolve(&Overlay::FilterInput, &of_kind(KeyEventKind::Release)).is_none());
}

#[test]
fn a_second_ctrl_c_quits() {
    assert_eq!(action(&Overlay::None, KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
    // Ctrl-C in the quit dialog confirms.
    assert_eq!(action(&Overlay::ConfirmQuit, KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
    assert_eq!(action(&Overlay::ConfirmQuit, KeyCode::Char('q'), KeyModifiers::NONE), None);
}

#[test]
fn keys_of_the_panes_are_letters_in_the_filter() {
    let typed = |code, modifiers| match resolve(&Overlay::FilterInput, &press(code, modifiers)) {
        Some(Msg::Edit(edit)) => Some(edit),
        _ => None,
    };
    assert_eq!(typed(KeyCode::Char('q'), KeyModifiers::NONE), Some(Edit::Insert('q')));
    assert_eq!(typed(KeyCode::Char('R'), KeyModifiers::SHIFT), Some(Edit::Insert('R')));
    assert_eq!(typed(KeyCode::Backspace, KeyModifiers::NONE), Some(Edit::Backspace));
    assert_eq!(typed(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
    assert_eq!(typed(KeyCode::Char('w'), KeyModifiers::CONTROL), Some(Edit::DeleteWord));
    assert_eq!(action(&Overlay::FilterInput, KeyCode::Esc, KeyModifiers::NONE), Some(Action::Back));
    assert_eq!(action(&Overlay::FilterInput, KeyCode::Char('z'), KeyModifiers::CONTROL), Some(Action::Suspend));
}

#[test]
fn labels_name_keys_as_the_screen_shows_them() {
    let names = |action, on| {
        let row = BINDINGS.iter().find(|b| b.action == action && b.on == on).unwrap();
        keys_label(row.keys)
    };
    assert_eq!(names(Action::Suspend, Context::Anywhere), "ctrl-z");
    assert_eq!(names(Action::SelectPrevious, Context::Panes), "k ↑");
    assert_eq!(names(Action::ScrollUp, Context::Panes), "pgup ctrl-u");
    assert_eq!(names(Action::ToggleHold, Context::Panes), "space");
    assert_eq!(names(Action::PreviousPane, Context::Panes), "shift-tab");
    assert_eq!(names(Action::Back, Context::Help), "esc ?");
    assert_eq!(names(Action::Confirm, Context::FilterInput), "enter");
}

// One description differs on Windows.
#[test]
#[cfg(not(windows))]
fn key_table() {
    insta::assert_snapshot!(key_table_markdown());
}

#[test]
fn the_palette_has_every_action_of_the_panes() {
    let keymap = Keymap::standard();
    let commands = keymap.commands();
    for binding in BINDINGS.iter() {
        let is_of_panes = matches!(binding.on, Context::Panes | Context::In(_) | Context::Anywhere);
        let listed = commands
            .iter()
            .any(|c| keymap.row_of(c).is_some_and(|r| (r.binding.help, r.binding.on) == (binding.help, binding.on)));
        let is_ctrl_c = binding.on == Context::Anywhere && binding.action == Action::Quit;
        assert_eq!(listed, is_of_panes && binding.action != Action::Palette && !is_ctrl_c, "{}", binding.help);
    }
    assert!(commands.iter().any(|c| c.search_text.contains("unfreeze")));
}

#[test]
fn every_binding_is_in_one_section() {
    let all: Vec<Section> = sections(BINDINGS.iter()).collect();
    for binding in BINDINGS.iter() {
        assert_eq!(all.iter().filter(|s| s.has(binding)).count(), 1, "{}", binding.help);
    }
    let own = |pane| Binding { on: Context::In(pane), ..BINDINGS[0] };
    let rows = [own(PaneId::Gpu), BINDINGS[0]];
    let titles: Vec<_> = sections(rows.iter()).map(Section::title).collect();
    assert_eq!(titles, ["Run", "GPU pane"]);
}

#[test]
fn letters_are_typed_into_the_palette() {
    let palette = Overlay::Palette(crate::app::state::palette::Palette::default());
    for c in ['j', 'q', ':', '1'] {
        let typed = resolve(&palette, &press(KeyCode::Char(c), KeyModifiers::NONE));
        assert!(matches!(typed, Some(Msg::Edit(Edit::Insert(typed))) if typed == c), "{c}");
    }
    assert_eq!(action(&palette, KeyCode::Char('p'), KeyModifiers::CONTROL), Some(Action::SelectPrevious));
    assert_eq!(action(&Overlay::None, KeyCode::Char('p'), KeyModifiers::CONTROL), Some(Action::Palette));
}
