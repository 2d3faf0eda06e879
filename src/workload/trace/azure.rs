//! CSV with start times and token counts: Azure's LLM inference traces of 2023 and 2024
//! (`TIMESTAMP,ContextTokens,GeneratedTokens`, <https://github.com/Azure/AzurePublicDataset>), and `BurstGPT`
//! (`Timestamp,Model,Request tokens,Response tokens,…`, with the timestamp in seconds,
//! <https://github.com/HPMLL/BurstGPT>).

use super::row::{Row, RowTime, tokens};

/// Names of the columns, in lower case and without spaces and underscores.
const TIME: &[&str] = &["timestamp"];
const INPUT: &[&str] = &["contexttokens", "requesttokens"];
const OUTPUT: &[&str] = &["generatedtokens", "responsetokens"];
const MODEL: &[&str] = &["model"];

/// Position of each column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    time: usize,
    input: usize,
    output: usize,
    model: Option<usize>,
}

/// Returns the fields of a line. Removes quotes around a field; these traces have no commas within quotes.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"'))
}

impl Columns {
    /// Reads a header. Returns `None` if a required column is missing.
    pub(super) fn from_header(line: &[u8]) -> Option<Self> {
        let plain = |name: &str| name.to_lowercase().replace([' ', '_'], "");
        let names: Vec<String> = fields(std::str::from_utf8(line).ok()?).map(plain).collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        Some(Self { time: find(TIME)?, input: find(INPUT)?, output: find(OUTPUT)?, model: find(MODEL) })
    }

    /// Reads one line.
    pub(super) fn read(self, line: &[u8]) -> Result<Row, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("is not UTF-8 text: {error}"))?;
        let fields: Vec<&str> = fields(text).collect();
        let field = |at: usize, name: &str| {
            fields.get(at).copied().filter(|f| !f.is_empty()).ok_or_else(|| format!("the {name} is missing"))
        };
        let count = |at: usize, name: &str| {
            let text = field(at, name)?;
            let number = text.parse::<u64>().map_err(|_bad| format!("the {name} '{text}' is not a whole number"))?;
            tokens(number, name)
        };
        Ok(Row {
            time: RowTime::from_text(field(self.time, "timestamp")?)?,
            input_tokens: Some(count(self.input, "number of input tokens")?),
            output_tokens: Some(count(self.output, "number of output tokens")?),
            model: self.model.and_then(|at| fields.get(at)).filter(|m| !m.is_empty()).map(|m| (*m).to_owned()),
            ..Row::default()
        })
    }
}
