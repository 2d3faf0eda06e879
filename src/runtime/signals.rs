//! Signals become messages.

use std::sync::mpsc::Sender;

#[cfg(unix)]
use tokio::signal::unix;

use super::Wake;
use crate::app::message::{Msg, Signal};

/// Watches for signals on a thread of its own, which sleeps until one comes. From the return on, none ends the program
/// behind its back.
pub fn watch(sender: Sender<Wake>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let watched = {
        let _context = runtime.enter();
        Watched::register()
    };
    let Ok(mut watched) = watched else { return };
    let run = move || {
        runtime.block_on(async {
            while let Some(signal) = watched.next().await {
                if sender.send(Wake::Msg(Msg::Signal(signal))).is_err() {
                    return;
                }
            }
        });
    };
    // Without the thread signals do nothing; the keys still do.
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(run));
}

#[cfg(unix)]
struct Watched {
    terminate: unix::Signal,
    hang_up: unix::Signal,
    interrupt: unix::Signal,
}

#[cfg(unix)]
impl Watched {
    fn register() -> std::io::Result<Self> {
        use unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            got = self.terminate.recv() => got.map(|()| Signal::Terminate),
            got = self.hang_up.recv() => got.map(|()| Signal::HangUp),
            got = self.interrupt.recv() => got.map(|()| Signal::Interrupt),
        }
    }
}

#[cfg(not(unix))]
struct Watched;

#[cfg(not(unix))]
impl Watched {
    fn register() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::signal::ctrl_c().await.ok().map(|()| Signal::Interrupt)
    }
}
