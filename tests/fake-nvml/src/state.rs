//! State of one copy of the library between calls.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::trace::{Clock, Trace};

/// The state of this copy.
pub(crate) struct State {
    pub(crate) trace: Trace,
    pub(crate) calls: Mutex<BTreeMap<String, u64>>,
    /// Calls of init minus calls of shutdown.
    pub(crate) references: AtomicI64,
    /// Calls before init or after shutdown, which a driver rejects.
    pub(crate) calls_uninitialised: AtomicU64,
    pub(crate) manual_ms: AtomicU64,
    device_calls: AtomicU64,
    started: Instant,
    released: Mutex<bool>,
    release: Condvar,
}

impl State {
    /// State of this copy. Without a readable trace it is `None`, with a message on standard error.
    pub(crate) fn get() -> Option<&'static Self> {
        static STATE: OnceLock<Option<State>> = OnceLock::new();
        let state = STATE.get_or_init(|| Self::load().inspect_err(|why| eprintln!("fake-nvml: {why}")).ok());
        state.as_ref()
    }

    #[expect(clippy::disallowed_methods, reason = "the wall clock of traces starts here")]
    fn load() -> Result<Self, String> {
        let path = match std::env::var_os("FAKE_NVML_TRACE") {
            Some(path) => PathBuf::from(path),
            None => beside_this_library().ok_or("the library does not know where it lies")?,
        };
        let text = std::fs::read_to_string(&path).map_err(|e| format!("'{}': {e}", path.display()))?;
        Ok(Self {
            trace: Trace::parse(&text)?,
            calls: Mutex::default(),
            references: AtomicI64::new(0),
            calls_uninitialised: AtomicU64::new(0),
            manual_ms: AtomicU64::new(0),
            device_calls: AtomicU64::new(0),
            started: Instant::now(),
            released: Mutex::default(),
            release: Condvar::new(),
        })
    }

    /// Counts a call and returns its time in milliseconds of the trace's clock.
    pub(crate) fn count(&self, function: &str, of_device: bool) -> u64 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(function.to_owned()).or_default() += 1;
        drop(calls);
        let device_calls = self.device_calls.fetch_add(u64::from(of_device), SeqCst);
        match self.trace.clock {
            Clock::Wall => u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            Clock::Calls => device_calls,
            Clock::Manual => self.manual_ms.load(SeqCst),
        }
    }

    /// Blocks for this time or until [`Self::release`].
    pub(crate) fn block(&self, for_us: u64) {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.release.wait_timeout_while(released, Duration::from_micros(for_us), |released| !*released));
    }

    /// Ends all delays, including later ones.
    pub(crate) fn release(&self) {
        *self.released.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.release.notify_all();
    }
}

#[repr(C)]
struct DlInfo {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
}

/// Path under which this copy was loaded, with `.trace` appended.
fn beside_this_library() -> Option<PathBuf> {
    static HERE: u8 = 0;
    let mut info = DlInfo {
        file: std::ptr::null(),
        base: std::ptr::null_mut(),
        symbol: std::ptr::null(),
        address: std::ptr::null_mut(),
    };
    // SAFETY: the address is one of this library, and `info` has the layout of `Dl_info`.
    let found = unsafe { dladdr((&raw const HERE).cast(), &raw mut info) } != 0 && !info.file.is_null();
    // SAFETY: dladdr succeeded: the name is a C string that lives as long as the library is loaded.
    let file = found.then(|| unsafe { CStr::from_ptr(info.file) })?;
    let mut path = OsStr::from_bytes(file.to_bytes()).to_owned();
    path.push(".trace");
    Some(path.into())
}
