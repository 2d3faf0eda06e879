//! Signals become messages.

use std::sync::mpsc::Sender;

use super::Wake;
use crate::app::message::{Msg, Signal};

/// Watches for signals on a thread of its own, which sleeps until one comes.
pub fn watch(sender: Sender<Wake>) {
    let run = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            while let Some(signal) = next().await {
                if sender.send(Wake::Msg(Msg::Signal(signal))).is_err() {
                    return;
                }
            }
        });
    };
    // Without the thread the program works as before; signals then end it at once.
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(run));
}

#[cfg(unix)]
async fn next() -> Option<Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    let mut hang_up = signal(SignalKind::hangup()).ok()?;
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    tokio::select! {
        _ = terminate.recv() => Some(Signal::Terminate),
        _ = hang_up.recv() => Some(Signal::HangUp),
        _ = interrupt.recv() => Some(Signal::Interrupt),
    }
}

#[cfg(not(unix))]
async fn next() -> Option<Signal> {
    tokio::signal::ctrl_c().await.ok().map(|()| Signal::Interrupt)
}
