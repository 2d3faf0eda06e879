//! Charts of a run: which figures of the report each one shows.
//!
//! Each function takes the data of the report and returns a chart, or `None` if the run has nothing to show. The figures are
//! those of the tables.

mod arrivals;
mod cases;
mod comparison;
mod depth;
mod distribution;
mod headline;
mod load;
mod pareto;
mod requests;
mod resources;
mod search;
mod sweep;
mod turns;

pub use self::arrivals::arrivals;
pub use self::cases::speeds;
pub use self::comparison::{differences, two_distributions};
pub use self::depth::depths;
pub use self::distribution::distributions;
pub use self::headline::headline;
pub use self::load::load_over_time;
pub use self::pareto::pareto;
pub use self::requests::requests;
pub use self::resources::{gpus, server};
pub use self::search::search;
pub use self::sweep::sweep;
pub use self::turns::turns;

/// Colours by their role.
mod color {
    /// The first or only series.
    pub const FIRST: usize = 0;
    /// The second series.
    pub const SECOND: usize = 1;
    /// The third series.
    pub const THIRD: usize = 2;
    /// Reasoning.
    pub const REASONING: usize = 3;
    /// Failures.
    pub const FAILED: usize = 5;
    /// Waiting, and what is not measured.
    pub const WAITING: usize = 6;
    /// Number of colours of series that have no role of their own.
    pub const COUNT: usize = 5;
}
