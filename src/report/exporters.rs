//! Export formats of a report.

use std::io::{self, Write};
use std::path::Path;

use super::model::Report;
use super::{csv, html, json, junit, markdown, parquet, svg};

/// Writes a report in one format, piece by piece.
pub(crate) type WriteReport = fn(&Report, &mut dyn Write) -> io::Result<()>;

/// A file format for reports.
#[derive(Debug)]
pub struct Exporter {
    /// Short stable name of the format.
    pub id: &'static str,
    /// File extension, without the dot.
    pub extension: &'static str,
    /// Label in the export dialog.
    pub label: &'static str,
    /// Whether the files are not text. Such a format cannot be written to stdout.
    pub is_binary: bool,
    pub(crate) write: WriteReport,
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

    /// Renders a report in this format; empty for a binary format.
    pub fn render(&self, report: &Report) -> String {
        String::from_utf8(self.to_bytes(report)).unwrap_or_default()
    }

    /// Returns the content of a file in this format.
    pub fn to_bytes(&self, report: &Report) -> Vec<u8> {
        let mut content = Vec::new();
        // Memory accepts everything.
        let _always_ok = self.write(report, &mut content);
        content
    }
}

/// All formats. The key `e` exports the first one.
pub const EXPORTERS: &[Exporter] = &[
    text("markdown", "md", "Markdown report", markdown::write),
    text("json", "json", "JSON, all figures and texts", json::write),
    text("jsonl", "jsonl", "JSON Lines, a line for each attempt", json::write_lines),
    text("csv", "csv", "CSV, a row for each attempt", csv::write),
    Exporter { is_binary: true, ..text("parquet", "parquet", "Parquet, a row for each attempt", parquet::write) },
    text("html", "html", "HTML, report with charts in one file", html::write),
    text("svg", "svg", "SVG, the chart that describes the run", svg::write),
    text("junit", "xml", "JUnit XML, a test for each case", junit::write),
];

/// A format of text.
const fn text(id: &'static str, extension: &'static str, label: &'static str, write: WriteReport) -> Exporter {
    Exporter { id, extension, label, is_binary: false, write }
}

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
                let (whole, packed) = (exporter.to_bytes(&whole), exporter.to_bytes(&packed));
                assert!(!whole.is_empty() && whole == packed, "{}", exporter.id);
            }
        }
    }

    #[test]
    fn the_extension_chooses_the_format() {
        let id = |path: &str| exporter_for_path(Path::new(path)).map(|e| e.id);
        assert_eq!(id("out/run.MD"), Some("markdown"));
        assert_eq!(id("run.v2.json"), Some("json"));
        assert_eq!(id("run.csv"), Some("csv"));
        assert_eq!((id("run.jsonl"), id("run.parquet")), (Some("jsonl"), Some("parquet")));
        assert_eq!(id("run.docx"), None);
        assert_eq!(id("md"), None);
    }

    #[test]
    fn binary_formats_have_bytes_and_no_text() {
        let report = report(sample_session());
        for exporter in EXPORTERS {
            let text = exporter.render(&report);
            assert_eq!(text.is_empty(), exporter.is_binary, "{}", exporter.id);
            assert!(exporter.is_binary || text.as_bytes() == exporter.to_bytes(&report), "{}", exporter.id);
        }
    }

    #[test]
    fn names_and_extensions_are_unique_and_markdown_is_first() {
        for (i, e) in EXPORTERS.iter().enumerate() {
            assert!(!EXPORTERS[..i].iter().any(|o| o.id == e.id || o.extension == e.extension), "{}", e.id);
        }
        assert_eq!(EXPORTERS[0].id, "markdown");
    }
}
