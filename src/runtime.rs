//! Floor 3: threads, main loop and effects of a run. Dashboard and headless mode share all but the screen.

mod assemble;
pub mod calibrate;
mod calibration_store;
mod clock;
pub mod console;
mod environment;
mod export;
mod frame_pacer;
pub mod headless;
pub mod interactive;
mod live_run;
mod panic_guard;
mod playback;
pub mod process;
mod restore;
pub mod resume;
mod route;
mod run;
mod samplers;
pub mod saved;
mod signals;
pub mod spec;
pub mod stdout;
mod summary;
mod wake;
mod wall_clock;
