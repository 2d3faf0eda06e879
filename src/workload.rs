//! Floor 2: workloads, whose requests are not named cases: data sets, prompts of a given length, and traces of recorded
//! traffic.

pub mod dataset;
pub mod fit;
pub mod image;
pub mod pieces;
pub mod prompts;
pub mod prose;
pub mod ruler;
pub mod source;
pub mod trace;
