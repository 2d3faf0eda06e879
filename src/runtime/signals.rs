//! Signals become messages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
#[cfg(unix)]
use std::task::Poll;

#[cfg(unix)]
use tokio::signal::unix;
#[cfg(windows)]
use tokio::signal::windows;

use super::Wake;
#[cfg(unix)]
use super::process;
use crate::app::message::{Msg, Signal};

/// What is done about a wish to be stopped for a while, as `ctrl-z` expresses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// The main thread is told, which marks what is in flight and stops the process itself.
    Told,
    /// The system stops the process, or the screen has it stopped.
    BySystem,
}

/// Watches for signals on a thread of its own, which sleeps until one comes. From the return on, none ends the program
/// behind its back.
pub fn watch(sender: Sender<Wake>, suspension: Suspension) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let watched = {
        let _context = runtime.enter();
        Watched::register(suspension)
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
        // A screen still has its keys. Without one nothing could end the run any more.
        if catch_unwind(AssertUnwindSafe(listen)).is_err() && suspension == Suspension::Told {
            drop(sender.send(Wake::Msg(Msg::Signal(Signal::Terminate))));
        }
    };
    // Without the thread signals do nothing; the keys still do.
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(run));
}

/// Stops the process as nothing can catch; returns once it goes on.
#[cfg(unix)]
pub fn stop_process() {
    // Only a process that is gone cannot be stopped.
    let _stopped = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// There is no such wish on this system.
#[cfg(not(unix))]
pub fn stop_process() {}

/// Every signal that ends a process which does not catch it, but for those of a fault in the program, and those that have a
/// meaning of their own here: unwatched, they would leave the terminal as it is and the run unsaved. SIGPIPE is ignored by
/// the standard library.
#[cfg(unix)]
fn fatal() -> Vec<i32> {
    use rustix::process::Signal;
    let mut fatal =
        vec![Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::VTALARM, Signal::PROF, Signal::XCPU];
    #[cfg(target_os = "linux")]
    fatal.extend([Signal::IO, Signal::POWER, Signal::STKFLT]);
    let mut fatal: Vec<i32> = fatal.into_iter().map(Signal::as_raw).collect();
    // The real-time signals; libc keeps the first for itself.
    #[cfg(target_os = "linux")]
    fatal.extend(35..=64);
    fatal
}

#[cfg(unix)]
struct Watched {
    terminate: unix::Signal,
    hang_up: Option<unix::Signal>,
    interrupt: unix::Signal,
    suspend: Option<unix::Signal>,
    fatal: Vec<unix::Signal>,
    /// Never looked at: that it is watched keeps a file that may not grow from ending the program; the write fails instead.
    _too_large: unix::Signal,
}

#[cfg(unix)]
impl Watched {
    fn register(suspension: Suspension) -> std::io::Result<Self> {
        use rustix::process::Signal as Raw;
        use unix::{SignalKind, signal};
        let raw = |raw: Raw| signal(SignalKind::from_raw(raw.as_raw()));
        let is_headless = suspension == Suspension::Told;
        // `nohup` means: the terminal may go, the run goes on. A dashboard goes with it.
        let stays = is_headless && process::ignores(Raw::HUP.as_raw());
        // What whoever started the program had ignored stays ignored. Not every system takes all of them.
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
        let told = |signal| Wake::Msg(Msg::Signal(signal));
        tokio::select! {
            got = terminate.recv() => got.map(|()| told(Signal::Terminate)),
            got = if_watched(hang_up) => got.map(|()| told(Signal::HangUp)),
            got = interrupt.recv() => got.map(|()| told(Signal::Interrupt)),
            got = if_watched(suspend) => got.map(|()| Wake::Suspend),
            () = any_fatal => Some(told(Signal::Terminate)),
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
impl Watched {
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
        let told = |signal| Wake::Msg(Msg::Signal(signal));
        tokio::select! {
            got = interrupt.recv() => got.map(|()| told(Signal::Interrupt)),
            got = terminate.recv() => got.map(|()| told(Signal::Terminate)),
            // The window is gone. The system waits some seconds, then ends the process.
            got = close.recv() => got.map(|()| told(Signal::HangUp)),
            got = log_off.recv() => got.map(|()| told(Signal::Terminate)),
            got = shut_down.recv() => got.map(|()| told(Signal::Terminate)),
        }
    }
}
