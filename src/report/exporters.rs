//! Export formats of a report.

use std::io::{self, Write};
use std::path::Path;

use super::model::Report;
use super::{csv, json, junit, markdown};

/// A file format for reports.
#[derive(Debug)]
pub struct Exporter {
    /// Short stable name of the format.
    pub id: &'static str,
    /// File extension, without the dot.
    pub extension: &'static str,
    /// Label in the export dialog.
    pub label: &'static str,
    pub(crate) write: fn(&Report, &mut dyn Write) -> io::Result<()>,
}

impl Exporter {
    /// Writes a report in this format, one attempt at a time, because a long run exports gigabytes.
    ///
    /// # Errors
    ///
    /// Returns the error of `to`.
    pub fn write(&self, report: &Report, to: &mut dyn Write) -> io::Result<()> {
        (self.write)(report, to)
    }

    /// Returns a report in this format as text.
    pub fn render(&self, report: &Report) -> String {
        let mut text = Vec::new();
        // Writing to memory cannot fail, and every format is UTF-8.
        let _always_ok = self.write(report, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// All formats. The key `e` exports the first one.
pub const EXPORTERS: &[Exporter] = &[
    Exporter { id: "markdown", extension: "md", label: "Markdown report", write: markdown::write },
    Exporter { id: "json", extension: "json", label: "JSON, all figures and texts", write: json::write },
    Exporter { id: "csv", extension: "csv", label: "CSV, a row for each attempt", write: csv::write },
    Exporter { id: "junit", extension: "xml", label: "JUnit XML, a test for each case", write: junit::write },
];

/// Returns the format of an export path that means stdout: `-` is the first format, `-.json` the one with that
/// extension.
pub fn stdout_exporter<'a>(path: &Path, exporters: &'a [Exporter]) -> Option<&'a Exporter> {
    match path.to_str()?.strip_prefix('-')? {
        "" => exporters.first(),
        rest => {
            exporters.iter().find(|e| rest.strip_prefix('.').is_some_and(|ext| ext.eq_ignore_ascii_case(e.extension)))
        }
    }
}

/// Returns the format for the extension of a path.
pub fn exporter_for_path(path: &Path) -> Option<&'static Exporter> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    EXPORTERS.iter().find(|e| e.extension == extension)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::attempt::StringPool;
    use crate::domain::session::Plan;
    use crate::report::fixture::{answer, refusal, report, run, sample_session, suite, sweep_session};

    #[test]
    fn packing_a_record_does_not_change_any_export() {
        let mut load =
            run(suite(&["a", "b"]), Plan { repeat: 3, warmup: 1, concurrency: 2, ..Plan::default() }, |id, now| {
                Some(if id.number == 2 { refusal(id, now, "no room") } else { answer(id, now, 1234, 7, 321) })
            });
        load.cases[0].attempts[0].record = None;
        for mut session in [sample_session(), load, sweep_session(&[1, 2, 4])] {
            let mut packed = session.clone();
            for (whole, packed) in session.cases.iter_mut().zip(&mut packed.cases) {
                for (whole, packed) in whole.attempts.iter_mut().zip(&mut packed.attempts) {
                    // Remove the texts of both attempts, and pack one of them.
                    whole.record = whole.record().map(|r| Arc::unwrap_or_clone(r).condense().into());
                    packed.record = packed.record.take().map(|record| record.pack(&mut StringPool::default()));
                }
            }
            let (whole, packed) = (report(session), report(packed));
            for exporter in EXPORTERS {
                let (whole, packed) = (exporter.render(&whole), exporter.render(&packed));
                assert!(whole == packed, "{}", exporter.id);
            }
        }
    }

    #[test]
    fn the_extension_chooses_the_format() {
        let id = |path: &str| exporter_for_path(Path::new(path)).map(|e| e.id);
        assert_eq!(id("out/run.MD"), Some("markdown"));
        assert_eq!(id("run.v2.json"), Some("json"));
        assert_eq!(id("run.csv"), Some("csv"));
        assert_eq!(id("run.docx"), None);
        assert_eq!(id("md"), None);
    }

    #[test]
    fn names_and_extensions_are_unique_and_markdown_is_first() {
        for (i, e) in EXPORTERS.iter().enumerate() {
            assert!(!EXPORTERS[..i].iter().any(|o| o.id == e.id || o.extension == e.extension), "{}", e.id);
        }
        assert_eq!(EXPORTERS[0].id, "markdown");
    }
}
