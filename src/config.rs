//! Floor 4: from the command line, the environment and the suite file to what a run needs.

pub mod suite_file;
