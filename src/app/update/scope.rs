//! Keys in the scope.

use crate::app::action::Action;
use crate::app::state::App;
use crate::app::state::scope::ScopeState;

/// Carries out an action of the scope.
pub(super) fn act(app: &mut App, action: Action) {
    let (mut scope, scene) = (app.ui.scope, app.shown());
    match action {
        Action::ScopeCloser => scope.zoom(scene, true),
        Action::ScopeWider => scope.zoom(scene, false),
        Action::ScopeEarlier => scope.step(scene, false),
        Action::ScopeLater => scope.step(scene, true),
        Action::ScopeCursor => scope.toggle_cursor(scene),
        Action::ScopeStack => scope.stacked = !scope.stacked,
        Action::ScopeAxis => scope.linear = !scope.linear,
        _ => scope = ScopeState { stacked: scope.stacked, linear: scope.linear, ..ScopeState::default() },
    }
    app.ui.scope = scope;
}

#[cfg(test)]
mod tests;
