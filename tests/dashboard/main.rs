//! The whole program with its dashboard in a pseudo-terminal. `Dashboard::end` and `Pty::end` also check that the
//! terminal is restored.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod apple;
mod background;
mod cases;
mod controls;
mod depths;
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

use support::server::{Request, Server};

/// A server whose first answers wait at a gate after one word. Later answers are not gated.
struct Gated {
    server: Server,
    gates: Vec<Sender<()>>,
}

impl Gated {
    fn start(gates: usize) -> Self {
        let (senders, receivers): (Vec<_>, Vec<Receiver<()>>) = (0..gates).map(|_| channel()).unzip();
        let receivers = Mutex::new(receivers.into_iter().map(Some).collect::<Vec<_>>());
        let reply = move |mut request: Request| {
            let gate = receivers.lock().unwrap().get_mut(request.number).and_then(Option::take);
            request.token("gated");
            if let Some(gate) = gate {
                // An error means that the test is over.
                if gate.recv().is_err() {
                    return;
                }
            }
            request.token(" and open");
            request.finish(2);
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
