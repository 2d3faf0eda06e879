//! Short names of bindings, derived from their descriptions.

use super::{Binding, footer_label};
use crate::app::state::App;

impl Binding {
    /// Short name: the description without its details.
    pub fn name(&self) -> &'static str {
        let end = [" (", ", ", ": "].into_iter().filter_map(|mark| self.help.find(mark)).min();
        end.map_or(self.help, |end| self.help.split_at(end).0)
    }

    /// Details of the description after the short name, with the punctuation before them; empty without details.
    pub fn details(&self) -> &'static str {
        self.help.split_at(self.name().len()).1
    }
}

/// Short name of a binding in the current state, so that an action that would turn something off says so.
pub fn name_now(app: &App, binding: &Binding) -> String {
    match binding.undo.filter(|undo| footer_label(app, binding) == Some(undo)) {
        Some(undo) => undo.chars().take(1).flat_map(char::to_uppercase).chain(undo.chars().skip(1)).collect(),
        None => binding.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Action;
    use crate::app::message::Msg;
    use crate::app::update::update;
    use crate::domain::time::Nanos;
    use crate::ui::keymap::{BINDINGS, Context};
    use crate::ui::sample::running;

    #[test]
    fn a_name_is_the_description_up_to_its_details() {
        let binding = |help| Binding { help, ..BINDINGS[0] };
        for (help, name, details) in [
            ("Hold the run (requests finish), or resume it", "Hold the run", " (requests finish), or resume it"),
            ("Go back: clear the search", "Go back", ": clear the search"),
            ("Show the raw text, or rendered Markdown", "Show the raw text", ", or rendered Markdown"),
            ("Cancel the case", "Cancel the case", ""),
        ] {
            assert_eq!((binding(help).name(), binding(help).details()), (name, details));
        }
    }

    #[test]
    fn names_of_commands_fit_a_column_of_the_help() {
        for binding in BINDINGS.iter().filter(|b| matches!(b.on, Context::Panes | Context::In(_) | Context::Anywhere)) {
            assert!(binding.name().len() <= 28, "{}", binding.name());
        }
    }

    #[test]
    fn an_action_that_turns_something_off_is_named_so() {
        let mut app = running();
        let freeze = BINDINGS.iter().find(|binding| binding.action == Action::ToggleFreeze).unwrap();
        assert_eq!(name_now(&app, freeze), "Freeze the screen");
        update(&mut app, Msg::Action(Nanos(10), Action::ToggleFreeze));
        assert_eq!(name_now(&app, freeze), "Unfreeze");
    }
}
