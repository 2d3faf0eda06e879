//! Floor 2: requests that are not named cases. Data sets, prompts of a given length, and traces of recorded traffic.

pub mod dataset;
pub mod fit;
pub mod image;
pub mod pieces;
pub mod prompts;
pub mod prose;
pub mod ruler;
pub mod source;
pub mod trace;
