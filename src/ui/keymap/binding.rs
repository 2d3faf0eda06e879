//! Traits of a table of key bindings, which rebinding and listing need. Dashboard and run browser have a table each.

use super::Key;

/// An action that keys are bound to.
pub trait KeyAction: Copy + PartialEq + std::fmt::Debug + 'static {
    /// Name in the config file.
    fn name(self) -> &'static str;
    /// Whether Ctrl-C triggers this action.
    fn is_quit(self) -> bool;
    /// Whether a dialog needs this action, to move in it or to close it.
    fn is_needed_in_dialog(self) -> bool;
}

/// A part of the screen in which a binding applies.
pub trait KeyContext: Copy + PartialEq + std::fmt::Debug + 'static {
    /// Name in a listing of keys.
    fn place(self) -> &'static str;
    /// Whether unbound keys are typed into a text field.
    fn is_typed(self) -> bool;
    /// Whether the context is a dialog, which must always have a key that closes it.
    fn is_dialog(self) -> bool;
    /// Whether this context encloses the other one.
    fn encloses(self, inner: Self) -> bool;

    /// Whether one key press can reach both contexts, because they are equal or one encloses the other.
    fn overlaps(self, other: Self) -> bool {
        self == other || self.encloses(other) || other.encloses(self)
    }
}

/// A row of a table of bindings.
pub trait KeyBinding: 'static {
    /// Actions of the table.
    type Action: KeyAction;
    /// Contexts of the table.
    type Context: KeyContext;

    /// The default keys.
    fn keys(&self) -> &'static [Key];
    /// The action that the keys trigger.
    fn action(&self) -> Self::Action;
    /// The context of the binding.
    fn context(&self) -> Self::Context;
    /// The description.
    fn help(&self) -> &'static str;
}

/// A binding of a table and its keys in a keymap.
#[derive(Debug)]
pub struct Row<B: 'static> {
    /// The binding: action, context and texts.
    pub binding: &'static B,
    /// The keys; footer and hints show the first. Empty if unbound.
    pub keys: Vec<Key>,
}

// Not derived, because the derived code would require `B: Clone`.
impl<B> Clone for Row<B> {
    fn clone(&self) -> Self {
        Self { binding: self.binding, keys: self.keys.clone() }
    }
}

/// The rows of a table with their default keys.
pub fn default_rows<B: KeyBinding>(table: &'static [B]) -> Vec<Row<B>> {
    table.iter().map(|binding| Row { binding, keys: binding.keys().to_vec() }).collect()
}
