//! What is made from the definition of the command line: completions and the man page.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;

/// For which shell.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// The completions for a shell, as it reads them.
pub fn completions(args: CompletionsArgs) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
    script
}

/// The man page, in roff.
pub fn man_page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page)?;
    Ok(page)
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
