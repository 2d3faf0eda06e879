//! Installs and controls a copy of the library from a test.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::trace::Trace;

/// File name under which programs load the driver's library.
const NAME: &str = "libnvidia-ml.so.1";
const RTLD_NOW: c_int = 2;

unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

/// A copy of the library with its own trace and state. It stays loaded in the test's process.
#[derive(Debug)]
pub struct StandIn {
    path: PathBuf,
    advance_ms: extern "C" fn(u64),
    calls: unsafe extern "C" fn(*const c_char) -> u64,
    references: extern "C" fn() -> i64,
    calls_uninitialised: extern "C" fn() -> u64,
    release: extern "C" fn(),
}

impl StandIn {
    /// Writes `libnvidia-ml.so.1` and its trace into the folder. Panics on failure or on an invalid trace.
    pub fn install(folder: &Path, trace: &str) -> Self {
        let missing = Trace::parse(trace).unwrap_or_else(|why| panic!("{why}")).missing;
        let path = folder.join(NAME);
        let mut library = std::fs::read(built()).expect("the library that cargo built beside this test");
        for function in missing {
            hide(&mut library, &function);
        }
        std::fs::write(&path, library).expect("a folder to write into");
        std::fs::write(folder.join(format!("{NAME}.trace")), trace).expect("a folder to write into");
        // SAFETY: the types are those of the functions in `abi`, and the library is never unloaded.
        unsafe {
            let file = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path");
            let handle = dlopen(file.as_ptr(), RTLD_NOW);
            assert!(!handle.is_null(), "'{}' cannot be loaded", path.display());
            let symbol = |name: &CStr| {
                let address = dlsym(handle, name.as_ptr());
                assert!(!address.is_null(), "{name:?} is not in the library");
                address
            };
            Self {
                path,
                advance_ms: std::mem::transmute::<*mut c_void, extern "C" fn(u64)>(symbol(c"fake_nvml_advance_ms")),
                calls: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const c_char) -> u64>(symbol(
                    c"fake_nvml_calls",
                )),
                references: std::mem::transmute::<*mut c_void, extern "C" fn() -> i64>(symbol(c"fake_nvml_references")),
                calls_uninitialised: std::mem::transmute::<*mut c_void, extern "C" fn() -> u64>(symbol(
                    c"fake_nvml_calls_uninitialised",
                )),
                release: std::mem::transmute::<*mut c_void, extern "C" fn()>(symbol(c"fake_nvml_release")),
            }
        }
    }

    /// Path of the library. For a program that loads it by name, its folder goes into `LD_LIBRARY_PATH`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Advances a manual clock.
    pub fn advance_ms(&self, by: u64) {
        (self.advance_ms)(by);
    }

    /// Number of calls of a function in this process.
    pub fn calls(&self, function: &str) -> u64 {
        let function = CString::new(function).expect("no NUL in a name");
        // SAFETY: the argument is a C string.
        unsafe { (self.calls)(function.as_ptr()) }
    }

    /// Calls of init minus calls of shutdown.
    pub fn references(&self) -> i64 {
        (self.references)()
    }

    /// Calls before init or after shutdown.
    pub fn calls_uninitialised(&self) -> u64 {
        (self.calls_uninitialised)()
    }

    /// Ends all delays, so that a hanging driver returns.
    pub fn release(&self) {
        (self.release)();
    }
}

/// Path of the library as cargo built it, in the folder of the test's executable.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.with_file_name(format!("{}fake_nvml{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}

/// Removes a function: its changed name in the symbol table no longer matches its hash.
fn hide(library: &mut [u8], function: &str) {
    let entry = format!("\0{function}\0");
    let mut found = 0;
    for at in 0..library.len().saturating_sub(entry.len()) {
        if library[at] == 0 && library[at..].starts_with(entry.as_bytes()) {
            library[at + 1] = b'X';
            found += 1;
        }
    }
    assert!(found > 0, "{function} is not in the library");
}
