//! Turns signals into messages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
#[cfg(unix)]
use std::task::Poll;

#[cfg(unix)]
use tokio::signal::unix;
#[cfg(windows)]
use tokio::signal::windows;

#[cfg(unix)]
use super::process;
use super::wake::Wake;
use crate::app::message::{Msg, Signal};

/// Part of the program that stops the process on Ctrl-Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// The main thread, after marking the requests in flight.
    ByMainThread,
    /// The system, or the dashboard when the user presses the key.
    BySystem,
}

/// Watches for signals on a separate thread. After this call, no signal ends the program without cleaning up.
pub fn watch(sender: Sender<Wake>, suspension: Suspension) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let watched = {
        let _context = runtime.enter();
        SignalStreams::register(suspension)
    };
    let Ok(mut watched) = watched else { return };
    let run = move || {
        let listen = || {
            runtime.block_on(async {
                while let Some(wake) = watched.next().await {
                    if sender.send(wake).is_err() {
                        return;
                    }
                }
            });
        };
        // Without a dashboard, end the run: no key could end it. The dashboard still has its keys.
        if catch_unwind(AssertUnwindSafe(listen)).is_err() && suspension == Suspension::ByMainThread {
            drop(sender.send(Wake::Msg(Msg::Signal(Signal::Terminate))));
        }
    };
    // If the thread cannot start, signals have no effect, but keys still do.
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(run));
}

/// Stops the process with SIGSTOP. Returns when the process continues.
#[cfg(unix)]
pub fn stop_process() {
    // This call cannot fail, because this process exists.
    let _stopped = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// Does nothing: this system has no such signal.
#[cfg(not(unix))]
pub fn stop_process() {}

/// Returns the signals that would end the process by default, except program faults and signals that are handled
/// separately. Without a handler, they would leave the terminal in raw mode and the run unsaved. SIGPIPE is missing
/// because the standard library ignores it.
#[cfg(unix)]
fn fatal() -> Vec<i32> {
    use rustix::process::Signal;
    // The C library's abort() still ends the process: it restores the default action after the handler has returned.
    let mut fatal = vec![
        Signal::ABORT,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::XCPU,
    ];
    #[cfg(target_os = "linux")]
    fatal.extend([Signal::IO, Signal::POWER, Signal::STKFLT]);
    let mut fatal: Vec<i32> = fatal.into_iter().map(Signal::as_raw).collect();
    // These are the real-time signals, except those that libc uses.
    #[cfg(target_os = "linux")]
    fatal.extend(35..=64);
    fatal
}

#[cfg(unix)]
struct SignalStreams {
    terminate: unix::Signal,
    hang_up: Option<unix::Signal>,
    interrupt: unix::Signal,
    suspend: Option<unix::Signal>,
    fatal: Vec<unix::Signal>,
    /// Never received from. Watching this signal makes a write beyond the file size limit fail instead of ending the
    /// program.
    _too_large: unix::Signal,
}

#[cfg(unix)]
impl SignalStreams {
    fn register(suspension: Suspension) -> std::io::Result<Self> {
        use rustix::process::Signal as Raw;
        use unix::{SignalKind, signal};
        let raw = |raw: Raw| signal(SignalKind::from_raw(raw.as_raw()));
        let is_headless = suspension == Suspension::ByMainThread;
        // With `nohup`, a headless run continues without the terminal; a dashboard cannot.
        let stays = is_headless && process::ignores(Raw::HUP.as_raw());
        // Signals that were ignored at the start stay ignored. Skip signals that a system does not have.
        let fatal = fatal().into_iter().filter(|raw| !process::ignores(*raw));
        Ok(Self {
            fatal: fatal.filter_map(|raw| signal(SignalKind::from_raw(raw)).ok()).collect(),
            terminate: signal(SignalKind::terminate())?,
            hang_up: (!stays).then(|| signal(SignalKind::hangup())).transpose()?,
            interrupt: signal(SignalKind::interrupt())?,
            suspend: is_headless.then(|| raw(Raw::TSTP)).transpose()?,
            _too_large: raw(Raw::XFSZ)?,
        })
    }

    async fn next(&mut self) -> Option<Wake> {
        async fn if_watched(signal: &mut Option<unix::Signal>) -> Option<()> {
            match signal {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        }
        let Self { terminate, hang_up, interrupt, suspend, fatal, .. } = self;
        let any_fatal = std::future::poll_fn(|context| {
            let came = fatal.iter_mut().any(|signal| matches!(signal.poll_recv(context), Poll::Ready(Some(()))));
            if came { Poll::Ready(()) } else { Poll::Pending }
        });
        let wake = |signal| Wake::Msg(Msg::Signal(signal));
        tokio::select! {
            got = terminate.recv() => got.map(|()| wake(Signal::Terminate)),
            got = if_watched(hang_up) => got.map(|()| wake(Signal::HangUp)),
            got = interrupt.recv() => got.map(|()| wake(Signal::Interrupt)),
            got = if_watched(suspend) => got.map(|()| Wake::Suspend),
            () = any_fatal => Some(wake(Signal::Terminate)),
        }
    }
}

#[cfg(windows)]
struct Watched {
    interrupt: windows::CtrlC,
    terminate: windows::CtrlBreak,
    close: windows::CtrlClose,
    log_off: windows::CtrlLogoff,
    shut_down: windows::CtrlShutdown,
}

#[cfg(windows)]
impl SignalStreams {
    fn register(_suspension: Suspension) -> std::io::Result<Self> {
        Ok(Self {
            interrupt: windows::ctrl_c()?,
            terminate: windows::ctrl_break()?,
            close: windows::ctrl_close()?,
            log_off: windows::ctrl_logoff()?,
            shut_down: windows::ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) -> Option<Wake> {
        let Self { interrupt, terminate, close, log_off, shut_down } = self;
        let wake = |signal| Wake::Msg(Msg::Signal(signal));
        tokio::select! {
            got = interrupt.recv() => got.map(|()| wake(Signal::Interrupt)),
            got = terminate.recv() => got.map(|()| wake(Signal::Terminate)),
            // The window was closed. The system will end the process some seconds later.
            got = close.recv() => got.map(|()| wake(Signal::HangUp)),
            got = log_off.recv() => got.map(|()| wake(Signal::Terminate)),
            got = shut_down.recv() => got.map(|()| wake(Signal::Terminate)),
        }
    }
}
