//! Export formats of a comparison.

use std::path::Path;

use super::compare::{self, Comparison};
use super::html;
use super::svg;

/// An export format of a comparison.
#[derive(Debug)]
pub struct ComparisonExporter {
    /// File extension, without the dot.
    pub extension: &'static str,
    /// Renders a comparison in this format.
    pub render: fn(&Comparison) -> String,
}

/// All formats; `-` writes the first one to stdout.
pub const COMPARISON_EXPORTERS: &[ComparisonExporter] = &[
    ComparisonExporter { extension: "md", render: compare::markdown },
    ComparisonExporter { extension: "json", render: compare::json },
    ComparisonExporter { extension: "html", render: html::comparison },
    ComparisonExporter { extension: "svg", render: svg::comparison },
];

impl ComparisonExporter {
    /// Returns the format that an export path writes to stdout: `-` means the first one, `-.json` the one with that extension.
    pub fn for_stdout(path: &Path) -> Option<&'static Self> {
        match path.to_str()?.strip_prefix('-')? {
            "" => COMPARISON_EXPORTERS.first(),
            rest => Self::by_extension(rest.strip_prefix('.')?),
        }
    }

    /// Returns the format that a file's extension asks for.
    pub fn for_file(path: &Path) -> Option<&'static Self> {
        Self::by_extension(path.extension()?.to_str()?)
    }

    /// Returns the extensions of all formats: `.md .json`.
    pub fn extensions() -> String {
        COMPARISON_EXPORTERS.iter().map(|format| format!(".{}", format.extension)).collect::<Vec<_>>().join(" ")
    }

    fn by_extension(extension: &str) -> Option<&'static Self> {
        COMPARISON_EXPORTERS.iter().find(|format| format.extension.eq_ignore_ascii_case(extension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_chooses_the_format_of_a_comparison() {
        let file = |path: &str| ComparisonExporter::for_file(Path::new(path)).map(|format| format.extension);
        assert_eq!(
            [file("a/b.HTML"), file("b.svg"), file("b.csv"), file("b")],
            [Some("html"), Some("svg"), None, None]
        );
        let stdout = |path: &str| ComparisonExporter::for_stdout(Path::new(path)).map(|format| format.extension);
        assert_eq!(
            [stdout("-"), stdout("-.json"), stdout("-x"), stdout("b.md")],
            [Some("md"), Some("json"), None, None]
        );
        assert_eq!(ComparisonExporter::extensions(), ".md .json .html .svg");
    }
}
