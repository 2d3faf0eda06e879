//! The whole program with its dashboard, in a pseudo-terminal. Every `Dashboard::end` and `Pty::end` also checks that
//! the terminal is as it was before.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod apple;
mod cases;
mod controls;
mod endpoint;
#[cfg(target_os = "linux")]
mod gpu;
mod hostile;
mod leaving;
#[path = "../support/macmon.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod macmon;
#[cfg(target_os = "linux")]
#[path = "../support/nvml.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod nvml;
mod reports;
mod screen;
mod settings;
mod shell;
mod ways_out;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use support::server::{Asked, Server};

/// A server whose first answers wait to be let go, one word each. What is asked for after them is answered at once.
struct Gated {
    server: Server,
    gates: Vec<Sender<()>>,
}

impl Gated {
    fn start(gates: usize) -> Self {
        let (senders, receivers): (Vec<_>, Vec<Receiver<()>>) = (0..gates).map(|_| channel()).unzip();
        let receivers = Mutex::new(receivers.into_iter().map(Some).collect::<Vec<_>>());
        let reply = move |mut asked: Asked| {
            let gate = receivers.lock().unwrap().get_mut(asked.number).and_then(Option::take);
            asked.token("gated");
            if let Some(gate) = gate {
                // An error: the test is over.
                if gate.recv().is_err() {
                    return;
                }
            }
            asked.token(" and open");
            asked.finish(2);
        };
        Self { server: Server::start(&["lone-model"], reply), gates: senders }
    }

    fn url(&self) -> String {
        self.server.url()
    }

    fn open(&self, gate: usize) {
        self.gates[gate].send(()).unwrap();
    }
}
