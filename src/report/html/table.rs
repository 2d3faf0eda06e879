//! Tables that are not in the Markdown report.

use maud::{Markup, html};

/// Returns a table. Columns are a heading and whether they hold numbers.
pub fn table(columns: &[(String, bool)], rows: &[Vec<String>]) -> Markup {
    let class = |is_number: bool| is_number.then_some("num");
    html! {
        div.table tabindex="0" {
            table {
                thead { tr { @for (heading, is_number) in columns { th scope="col" class=[class(*is_number)] { (heading) } } } }
                tbody {
                    @for row in rows {
                        tr { @for (cell, (_, is_number)) in row.iter().zip(columns) { td class=[class(*is_number)] { (cell) } } }
                    }
                }
            }
        }
    }
}
