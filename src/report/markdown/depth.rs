//! Table of context depths in the style of llama-bench, with TTFT and the server's own prefill speed.

use crate::report::depth_rows::{MeanStd, depth_rows};

use super::View;
use super::escape::{UNKNOWN, inline};
use super::page::{Page, Table};

/// Decimal places, as in llama-bench.
const DIGITS: usize = 2;

pub fn write(view: &View<'_>, page: &mut Page) {
    let rows = depth_rows(&view.report.session);
    if rows.is_empty() {
        return;
    }
    page.block("## Context Depth");
    let model = inline(&view.report.model);
    let has_server_times = rows.iter().any(|row| row.server_prefill_tokens_per_s.is_some());
    let mut table = Table::default().text("model").number("test").number("t/s").number("TTFT (ms)");
    if has_server_times {
        table = table.number("server t/s");
    }
    table = table.number("prompt (tokens)").number("n");
    for row in &rows {
        let server = || has_server_times.then(|| figure(row.server_prefill_tokens_per_s, ""));
        let mut cells =
            vec![model.clone(), row.test.prefill_name(), figure(row.prefill_tokens_per_s, ""), figure(row.ttft_ms, "")];
        cells.extend(server());
        cells.push(row.input_tokens.map_or_else(|| UNKNOWN.to_owned(), |tokens| format!("{:.0}", tokens.mean)));
        cells.push(count(row.prefill_tokens_per_s));
        table.row(cells);
        let mark = if row.is_estimated { "~" } else { "" };
        let mut cells = vec![model.clone(), row.test.decode_name(), figure(row.decode_tokens_per_s, mark)];
        cells.extend(std::iter::repeat_n(String::new(), 2 + usize::from(has_server_times)));
        cells.push(count(row.decode_tokens_per_s));
        table.row(cells);
    }
    page.table(&table);
    for row in &rows {
        if let Some(why) = &row.why_missing {
            page.field(&row.test.case_name(), &inline(why));
        }
    }
    if rows.iter().any(|row| row.why_missing.is_some()) {
        page.line("");
    }
    page.block(about(has_server_times));
}

fn figure(figure: Option<MeanStd>, mark: &str) -> String {
    figure.map_or_else(|| UNKNOWN.to_owned(), |figure| format!("{mark}{}", figure.words(DIGITS)))
}

/// Returns the number of answers with this figure.
fn count(figure: Option<MeanStd>) -> String {
    figure.map_or(0, |figure| figure.n).to_string()
}

const fn about(has_server_times: bool) -> &'static str {
    if has_server_times {
        "Mean ± sample standard deviation. *pp*: prompt tokens without cached ones / TTFT, for context and prompt together, \
         sent cold. *tg*: decode speed after them. *server t/s*: the same tokens / the server's own time for the prompt."
    } else {
        "Mean ± sample standard deviation. *pp*: prompt tokens without cached ones / TTFT, for context and prompt together, \
         sent cold. *tg*: decode speed after them."
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    use crate::report::fixture::depth::{depth_session, too_long};
    use crate::report::fixture::{report, sample_session};
    use crate::report::markdown::render;

    fn section(text: &str) -> String {
        let (_, section) = text.split_once("## Context Depth\n").unwrap();
        section.split("\n## ").next().unwrap().to_owned()
    }

    #[test]
    fn the_table_has_the_rows_of_llama_bench() {
        insta::assert_snapshot!(section(&render(&report(depth_session(|_, record| record)))));
        assert!(!render(&report(sample_session())).contains("Context Depth"));
    }

    #[test]
    fn a_missing_depth_has_its_reason_and_the_server_speed_has_a_column() {
        let session = depth_session(|test, mut record| {
            record.server_timings =
                Some(ServerTimings { prompt_ms: Some(400.0), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
            if test.depth == 8192 { too_long(&record) } else { record }
        });
        insta::assert_snapshot!(section(&render(&report(session))));
    }
}
