//! A stand-in for the NVIDIA driver for the program under test.

use std::path::Path;

use fake_nvml::StandIn;

/// A folder with a stand-in `libnvidia-ml.so.1` that answers according to its trace (`fake_nvml` documents the
/// language).
///
/// ```ignore
/// let driver = Driver::install("gpu 0 name=RTX total=1000 used=10\nat 500 gpu 0 used=20");
/// let (key, folder) = driver.env();
/// command.env(key, folder); // the program then finds it as it finds a real one
/// ```
///
/// The trace's clock starts when the program loads the library.
#[derive(Debug)]
pub struct Driver {
    pub library: StandIn,
    folder: tempfile::TempDir,
}

impl Driver {
    /// Installs the stand-in. Panics on an invalid trace.
    pub fn install(trace: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { library: StandIn::install(folder.path(), trace), folder }
    }

    /// Environment variable for the program, and its value.
    pub fn env(&self) -> (&'static str, &Path) {
        ("LD_LIBRARY_PATH", self.folder.path())
    }
}
