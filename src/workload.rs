//! Floor 2: requests that are not named cases. Prompts of a given length, and traces of recorded traffic.

pub mod fit;
pub mod pieces;
pub mod prompts;
pub mod prose;
pub mod ruler;
pub mod trace;
