//! Writes reports to files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::ZonedDateTime;

use super::console::say_to;
use super::panic_guard::catch_panic;
use crate::app::message::{Msg, ReportEffect};
use crate::app::state::Scene;
use crate::app::state::export_dialog::NameCheck;
use crate::domain::time::Nanos;
use crate::report::exporters::{EXPORTERS, Exporter, exporter_for_path};
use crate::report::model::Report;
use crate::store::file::{default_name, would_write, write_new_with};

/// Files for reports.
#[derive(Debug)]
pub struct Exports {
    /// Files that the command line requests.
    requested: Vec<PathBuf>,
    /// Format of the report to write to stdout at the end, in place of the summary.
    stdout: Option<&'static Exporter>,
    /// Start time of the run, for default file names.
    stamp: String,
}

impl Exports {
    /// Creates the exports of a run that started at `wall`. `requested` are the files of the command line.
    pub fn new(requested: Vec<PathBuf>, wall: &ZonedDateTime) -> Self {
        Self { requested, stdout: None, stamp: wall.strftime("%Y-%m-%d-%H%M%S").to_string() }
    }

    /// Sets the format of the report to write to stdout at the end.
    #[must_use]
    pub fn with_stdout(self, stdout: Option<&'static Exporter>) -> Self {
        Self { stdout, ..self }
    }

    /// Format of the report to write to stdout at the end, in place of the summary.
    pub const fn stdout(&self) -> Option<&'static Exporter> {
        self.stdout
    }

    /// Carries out an effect and returns the resulting message. `report` builds the report of the run in `scene`.
    pub fn carry_out(&self, effect: ReportEffect, scene: &Scene, now: Nanos, report: &dyn Fn() -> Report) -> Msg {
        match effect {
            ReportEffect::Export { exporter } => {
                Msg::Exported(now, find_exporter(exporter).and_then(|e| render_to(e, &self.path_for(e, scene), report)))
            }
            ReportEffect::ExportAs { exporter, name } => {
                Msg::Exported(now, find_exporter(exporter).and_then(|e| render_to(e, Path::new(&name), report)))
            }
            ReportEffect::OfferExports => self.offers(scene),
            ReportEffect::CheckExport(name) => {
                let check = check_name(&name);
                Msg::ExportChecked { name, check }
            }
            ReportEffect::RenderReport => self.rendered(scene, report),
        }
    }

    /// Writes all files that the command line requests. Returns for each its path, or why it was not written.
    pub fn write_all(&self, report: &Report) -> Vec<Result<PathBuf, String>> {
        let write = |path: &PathBuf| match exporter_for_path(path) {
            Some(exporter) => write_with(path, |to| exporter.write(report, to)),
            None => Err(format!("'{}': unknown extension", path.display())),
        };
        self.requested.iter().map(write).collect()
    }

    /// Returns the default file names for the export dialog.
    fn offers(&self, scene: &Scene) -> Msg {
        let offers = EXPORTERS.iter().map(|e| self.path_for(e, scene).display().to_string()).collect();
        let folder = std::env::current_dir().map_or_else(|_| ".".to_owned(), |folder| folder.display().to_string());
        Msg::ExportsOffered { offers, folder }
    }

    /// Returns the report in the first format, and the name of the file that an export would write.
    fn rendered(&self, scene: &Scene, report: &dyn Fn() -> Report) -> Msg {
        let Some(exporter) = EXPORTERS.first() else {
            return Msg::ReportRendered { text: "".into(), file: String::new() };
        };
        let path = self.path_for(exporter, scene);
        let path = would_write(&path).unwrap_or(path);
        let text = catch_panic("the report", || exporter.render(&report())).unwrap_or_else(|why| why).into();
        Msg::ReportRendered { text, file: path.display().to_string() }
    }

    /// Returns the first requested file of this format, otherwise a name made of the model and the start time.
    fn path_for(&self, exporter: &Exporter, scene: &Scene) -> PathBuf {
        let is_requested = |p: &&PathBuf| exporter_for_path(p).is_some_and(|e| e.id == exporter.id);
        self.requested.iter().find(is_requested).cloned().unwrap_or_else(|| {
            let model = scene.target.model.as_deref().unwrap_or("run");
            PathBuf::from(default_name(model, &self.stamp, exporter.extension))
        })
    }
}

fn render_to(exporter: &Exporter, path: &Path, report: &dyn Fn() -> Report) -> Result<PathBuf, String> {
    write_with(path, |to| exporter.write(&report(), to))
}

/// Writes the text that `make` returns to a new file. If the name is taken, adds a number. Returns the path of the
/// file.
pub fn write(path: &Path, make: impl FnOnce() -> String) -> Result<PathBuf, String> {
    write_with(path, |to| to.write_all(make().as_bytes()))
}

/// [`write()`] with the content that `write` writes, piece by piece.
pub fn write_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<PathBuf, String> {
    let written = catch_panic(&format!("'{}'", path.display()), || write_new_with(path, write))?;
    written.map_err(|e| e.to_string())
}

/// Prints which files were written, and which were not. Returns the exit status, 2 if a file was not written.
pub fn report_written(
    what: &str,
    files: impl IntoIterator<Item = Result<PathBuf, String>>,
    stderr: &mut dyn Write,
) -> u8 {
    let mut status = 0;
    for file in files {
        match file {
            Ok(path) => say_to(stderr, &format!("{what} written to '{}'", path.display())),
            Err(why) => {
                say_to(stderr, &format!("tokscope: {why}"));
                status = 2;
            }
        }
    }
    status
}

fn find_exporter(exporter: usize) -> Result<&'static Exporter, String> {
    EXPORTERS.get(exporter).ok_or_else(|| "there is no such format".to_owned())
}

/// Checks whether a file of this name can be written.
fn check_name(name: &str) -> NameCheck {
    let path = Path::new(name);
    match would_write(path) {
        Ok(written) if written == path => NameCheck::New,
        Ok(written) => NameCheck::Taken(written.display().to_string()),
        Err(why) => NameCheck::Refused(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_file_does_not_stop_the_others() {
        type Make = fn() -> String;
        let dir = tempfile::tempdir().unwrap();
        let made: [(&str, Make); 4] = [
            ("a.md", || "a".to_owned()),
            ("b.json", || panic!("as the test wants it")),
            ("missing/c.csv", || "c".to_owned()),
            ("d.csv", || "d".to_owned()),
        ];
        let mut printed = Vec::new();
        let status =
            report_written("Report", made.map(|(name, make)| write(&dir.path().join(name), make)), &mut printed);
        let printed =
            String::from_utf8(printed).unwrap().replace(&dir.path().display().to_string(), "DIR").replace('\\', "/");
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[..2], ["Report written to 'DIR/a.md'", "tokscope: 'DIR/b.json': an internal error"]);
        assert!(lines[2].starts_with("tokscope: 'DIR/missing/c.csv': "), "{printed}");
        assert_eq!((lines[3], status), ("Report written to 'DIR/d.csv'", 2));
        assert_eq!(std::fs::read_to_string(dir.path().join("d.csv")).unwrap(), "d");
        assert!(!dir.path().join("b.json").exists());
    }

    #[test]
    fn a_name_is_checked_before_the_export() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("r.md"), "").unwrap();
        assert_eq!(check_name(&path("new.md")), NameCheck::New);
        assert_eq!(check_name(&path("no extension")), NameCheck::New);
        assert_eq!(check_name(&path("r.md")), NameCheck::Taken(path("r-2.md")));
        for name in [String::new(), path("missing/r.md"), dir.path().display().to_string(), path("..")] {
            assert!(matches!(check_name(&name), NameCheck::Refused(_)), "{name}");
        }
    }
}
