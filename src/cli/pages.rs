//! Pages generated from the definition of the command line: completions, man page, table of options.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;

/// Options of `tokscope completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// Shell to write completions for
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Returns the completion script of a shell.
pub fn completions(args: CompletionsArgs) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
    script
}

/// Returns the man page, in roff.
pub fn man_page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page)?;
    Ok(page)
}

/// Returns the options of a run as a Markdown table, in the order of the help.
pub fn options_markdown() -> String {
    let command = Cli::command();
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_builtin(arg));
    let row = |arg: &clap::Arg| {
        let name = arg.get_long()?;
        let takes = arg.get_action().takes_values();
        let values = arg.get_value_names().filter(|_| takes).unwrap_or_default().join(" ");
        let is_value_optional = arg.is_require_equals_set();
        let name = if is_value_optional { format!("{name}[={values}]") } else { [name, &values].join(" ") };
        let short = arg.get_short().map_or_else(String::new, |short| format!("`-{short}`, "));
        let default = arg.get_default_values().first().filter(|_| takes);
        let default = default.map_or_else(String::new, |value| format!(" [default: {}]", value.to_string_lossy()));
        let meaning = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        Some(format!("| {short}`--{}` | {meaning}{default} |", name.trim_end()))
    };
    let head = ["| option | meaning |", "|---|---|"].map(str::to_owned);
    head.into_iter().chain(options.filter_map(row)).collect::<Vec<_>>().join("\n")
}

fn is_builtin(arg: &clap::Arg) -> bool {
    ["help", "version"].contains(&arg.get_id().as_str())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_options_and_commands_and_knows_the_themes() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(CompletionsArgs { shell: *shell })).unwrap();
            assert!(script.contains("reduced-motion") && script.contains("calibrate"), "{shell}");
            assert!(script.contains("high-contrast"), "{shell}");
        }
    }

    #[test]
    fn the_man_page_has_its_sections_and_every_option() {
        let page = String::from_utf8(man_page().unwrap()).unwrap();
        for section in [".TH tokscope", ".SH SYNOPSIS", ".SH OPTIONS", "Exit status"] {
            assert!(page.contains(section), "{section}:\n{page}");
        }
        let command = Cli::command();
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("\\-\\-{}", option.replace('-', "\\-"))), "{option}");
        }
    }
}
