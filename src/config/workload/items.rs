//! Workloads of runs that ask for vectors or scores.

use crate::cli::WorkloadArgs;
use crate::config::ConfigError;
use crate::domain::quantity::count;
use crate::domain::task::Task;
use crate::domain::workload::ItemsForm;

/// Form of the requests of a run that asks for vectors or scores.
///
/// # Errors
///
/// If an option asks for something that such requests do not have.
pub(super) fn items_form(args: &WorkloadArgs, task: Task) -> Result<Option<ItemsForm>, ConfigError> {
    let about_text = [
        ("--depth", args.depth.is_some()),
        ("--osl", args.osl.is_some()),
        ("--turns", args.turns.is_some()),
        ("--think", args.think.is_some()),
        ("--image", args.image.is_some()),
    ];
    let refused = |why: &str| Err(ConfigError(why.to_owned()));
    if task.generates() {
        return match args.batch {
            Some(_) => {
                refused("--batch sets the inputs or documents of a request; add --api embeddings or --api rerank")
            }
            None => Ok(None),
        };
    }
    if let Some((option, _)) = about_text.iter().find(|(_, is_set)| *is_set) {
        let api = task.as_str();
        return refused(&format!("{option} is about generated text; remove it, or use another API than {api}"));
    }
    if task == Task::Rerank && args.dataset.is_some() && args.batch.is_some() {
        return refused("the rows of a data set for rerank have documents of their own; remove --batch");
    }
    if args.trace.is_some() && args.batch.is_some() {
        return refused("--trace sends each request at its own time; remove --batch");
    }
    let batch = args.batch.or(args.trace.as_ref().map(|_| 1));
    Ok(ItemsForm::new(task, batch))
}

/// Returns words after the length of a text: `, 32 inputs a request`.
pub(super) fn items_in_words(items: ItemsForm) -> String {
    let item = items.task.item().unwrap_or_default();
    format!(", {} a request", count(items.per_request as usize, item))
}
