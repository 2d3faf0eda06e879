//! Dialogs, menus and text fields over the panes.

use super::export_dialog::ExportDialog;
use super::help_view::HelpView;
use super::model_choice::ModelChoice;
use super::palette::Palette;
use super::report_view::ReportView;
use super::theme::ThemeChoice;

/// How far a text can be scrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrollExtent {
    /// First line on the screen when scrolled to the end.
    pub limit: usize,
    /// Lines by which a page key scrolls.
    pub page: usize,
}

/// The dialog, menu or text field over the panes, which receives the keys.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Overlay {
    /// No overlay: keys go to the focused pane.
    #[default]
    None,
    /// The help.
    Help(HelpView),
    /// The question whether to quit while requests are in flight.
    ConfirmQuit,
    /// The choice of an export format and a file name.
    Export(ExportDialog),
    /// The report.
    Report(ReportView),
    /// The command palette.
    Palette(Palette),
    /// The choice among the endpoint's models.
    Models(ModelChoice),
    /// The choice of a theme.
    Themes(ThemeChoice),
    /// The filter of the table of cases.
    FilterInput,
    /// The search through the answer.
    SearchInput,
}
