//! Floor 2: the network. A single thread with its own runtime reads all streams and does nothing else.

mod attempt;
mod board;
mod certificate;
mod client;
mod clock;
mod connect;
mod direct;
mod discovery;
mod dispatch;
mod failure;
mod follow;
mod helper;
mod intake;
mod lag;
mod local;
mod network;
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod peer;
mod pulse;
mod recorder;
mod request_record;
mod retry;
mod secrets;
mod sleep;
mod standstill;
mod timeouts;
mod transport;
mod tunnel;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use self::board::{Board, WatchedCase};
pub use self::client::EngineConfig;
pub use self::client::page_client;
use self::client::{Endpoint, Prepared};
use self::clock::EngineClock;
use self::discovery::DiscoveryOptions;
pub use self::failure::InvalidConfig;
use self::helper::Failed;
pub use self::local::{FoundServer, find_servers};
pub use self::network::{Network, ProxyChoice, certificates};
use self::pulse::Pulse;
use crate::domain::attempt::AttemptId;
use crate::domain::live::{EngineCommand, EngineFact, LiveSnapshot};
use crate::domain::race::Side;

/// Name of the engine's thread, which reads the streams.
pub const THREAD: &str = "engine";

/// Handle of the engine's thread.
#[derive(Debug)]
pub struct Engine {
    commands: mpsc::UnboundedSender<EngineCommand>,
    starts: OnceLock<Option<Sender<EngineCommand>>>,
    failed: Failed,
    clock: EngineClock,
    live: watch::Receiver<Arc<LiveSnapshot>>,
    watched: WatchedCase,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread, which passes every fact to `sink`. The sink must not block.
    pub fn start(
        config: EngineConfig,
        epoch: Instant,
        sink: impl Fn(EngineFact) + Send + 'static,
    ) -> Result<Self, InvalidConfig> {
        Self::start_race(config, None, epoch, sink)
    }

    /// Starts the thread with two endpoints: requests of side B of a race go to `rival`. Without a rival, all go to one.
    pub fn start_race(
        config: EngineConfig,
        rival: Option<EngineConfig>,
        epoch: Instant,
        sink: impl Fn(EngineFact) + Send + 'static,
    ) -> Result<Self, InvalidConfig> {
        let mut prepared = Prepared::new(config, epoch)?;
        let mut rival = rival.map(|config| Prepared::new(config, epoch)).transpose()?;
        if let Some(rival) = &mut rival {
            prepared.share_secrets(rival);
        }
        let clock = EngineClock::new(epoch);
        let (commands, inbox) = mpsc::unbounded_channel();
        let (publish, live) = watch::channel(Arc::default());
        let no_thread = |e| InvalidConfig(format!("the engine's thread did not start: {e}"));
        let (failed, failures) = mpsc::unbounded_channel();
        let pulse = Pulse::start(clock, failed.clone()).map_err(no_thread)?;
        let watched = WatchedCase::default();
        let board_watched = watched.clone();
        let run = move || {
            let sink = Rc::new(sink);
            let facts = Rc::clone(&sink);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let endpoint = Rc::new(Endpoint::new(prepared));
                let rival = rival.map(|prepared| Rc::new(Endpoint::new(prepared)));
                let board = Board::new(publish, board_watched, Rc::clone(&endpoint.secrets));
                let board = Rc::new(board.showing_sides(rival.is_some()));
                let work = Worker { endpoint, rival, board, sink: facts };
                tokio::task::LocalSet::new().block_on(&runtime, work.run(inbox, pulse, failures));
                Ok::<_, std::io::Error>(())
            }));
            match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => sink(EngineFact::Died(format!("its runtime did not start: {error}"))),
                Err(_panic) => sink(EngineFact::Died("an internal error".to_owned())),
            }
        };
        let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(run);
        let thread = thread.map_err(no_thread)?;
        Ok(Self { commands, starts: OnceLock::new(), failed, clock, live, watched, thread: Some(thread) })
    }

    /// Sends a command to the engine; returns false if the engine has ended.
    pub fn send(&self, command: EngineCommand) -> bool {
        let waits = matches!(command, EngineCommand::Start { due: Some(_), .. });
        // Send an abort the same way as scheduled starts, so that it does not overtake a start that is still waiting.
        let follows = matches!(command, EngineCommand::Abort(_)) && self.starts.get().is_some();
        if !(waits || follows) {
            return self.commands.send(command).is_ok();
        }
        let starts = self.starts.get_or_init(|| {
            let commands = self.commands.clone();
            dispatch::start(self.clock, self.failed.clone(), move |command| commands.send(command).is_ok())
        });
        starts.as_ref().is_some_and(|starts| starts.send(command).is_ok())
    }

    /// Asks the engine to publish this case's text and all traces in the next live views. With `None`, which is the
    /// default, live views hold only counters.
    pub fn watch(&self, case: Option<usize>) {
        self.watched.set(case);
    }

    /// Returns the latest live view.
    pub fn live(&self) -> Arc<LiveSnapshot> {
        // Drop the guard at once: it could block the engine.
        Arc::clone(&self.live.borrow())
    }

    /// Returns a function for other threads that returns the latest live view.
    pub fn live_view(&self) -> impl Fn() -> Arc<LiveSnapshot> + Send + Sync + use<> {
        let live = self.live.clone();
        move || Arc::clone(&live.borrow())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Do not join the thread: a hanging DNS query must not delay the exit.
        let _gone = self.commands.send(EngineCommand::Shutdown);
        drop(self.thread.take());
    }
}

struct Worker<F> {
    endpoint: Rc<Endpoint>,
    /// Endpoint of side B of a race; `None` for other runs.
    rival: Option<Rc<Endpoint>>,
    board: Rc<Board>,
    sink: Rc<F>,
}

impl<F: Fn(EngineFact) + 'static> Worker<F> {
    /// Endpoint of a case.
    fn endpoint_of(&self, case: usize) -> &Rc<Endpoint> {
        self.rival.as_ref().filter(|_| Side::from_case(case) == Side::B).unwrap_or(&self.endpoint)
    }

    async fn run(
        self,
        mut inbox: mpsc::UnboundedReceiver<EngineCommand>,
        pulse: Pulse,
        mut failures: mpsc::UnboundedReceiver<String>,
    ) {
        let mut running: HashMap<AttemptId, oneshot::Sender<()>> = HashMap::new();
        let mut tasks = JoinSet::new();
        tasks.spawn_local(publish(Rc::clone(&self.board), self.endpoint.clock(), pulse));
        loop {
            let command = tokio::select! {
                command = inbox.recv() => command,
                Some(why) = failures.recv() => return (self.sink)(EngineFact::Died(why)),
                Some(ended) = tasks.join_next() => {
                    // Pass the panic on: the runtime would swallow it, and the attempt would never end.
                    if let Err(error) = ended && let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                    continue;
                }
            };
            let Some(command) = command else { return };
            match command {
                EngineCommand::Discover { retry, needs_list } => {
                    let (endpoint, sink) = (Rc::clone(&self.endpoint), Rc::clone(&self.sink));
                    let options = DiscoveryOptions { keeps_trying: retry, needs_list };
                    tasks.spawn_local(async move { discovery::discover(&endpoint, options, &*sink).await });
                    let Some(rival) = self.rival.clone() else { continue };
                    let (sink, options) = (Rc::clone(&self.sink), DiscoveryOptions { keeps_trying: retry, needs_list });
                    let of_rival = move |fact| sink(EngineFact::FromRival(Box::new(fact)));
                    tasks.spawn_local(async move { discovery::discover(&rival, options, &of_rival).await });
                }
                EngineCommand::Start { id, case, model, warmup, due, turn, row: _, lengths, ready } => {
                    let (cancel, cancelled) = oneshot::channel();
                    running.retain(|_, c| !c.is_closed());
                    running.insert(id, cancel);
                    let (endpoint, board, sink) =
                        (Rc::clone(self.endpoint_of(id.case)), Rc::clone(&self.board), Rc::clone(&self.sink));
                    let is_rival = self.rival.as_ref().is_some_and(|rival| Rc::ptr_eq(rival, &endpoint));
                    tasks.spawn_local(async move {
                        let order = attempt::Order { id, case, model, warmup, due, turn, lengths, ready };
                        let record = attempt::run(&endpoint, &board, order, cancelled, |at| {
                            sink(EngineFact::Started { id, at });
                        })
                        .await;
                        if let Some(server) = endpoint.take_recognised() {
                            let fact = EngineFact::Recognised(server);
                            sink(if is_rival { EngineFact::FromRival(Box::new(fact)) } else { fact });
                        }
                        sink(EngineFact::Ended { id, record: Arc::new(record) });
                    });
                }
                EngineCommand::Abort(id) => drop(running.remove(&id)),
                EngineCommand::MarkSuspended(noted) => {
                    self.board.warn("the program was suspended meanwhile: these times are not the server's");
                    let _waiter_may_be_gone = noted.send(());
                }
                EngineCommand::SetActive(active) => self.board.set_active(active, self.endpoint.now()),
                EngineCommand::Publish(done) => {
                    let now = self.endpoint.now();
                    self.board.check_standstill(now);
                    self.board.publish(now);
                    let _waiter_may_be_gone = done.send(());
                }
                EngineCommand::Shutdown => break,
            }
        }
    }
}

/// Publishes live views while the run is active or an attempt is in flight. Measures the lag of each beat.
async fn publish(board: Rc<Board>, clock: EngineClock, mut pulse: Pulse) {
    loop {
        board.wait_until_watched().await;
        pulse.want(true);
        while board.is_watched() {
            let Some(first) = pulse.next().await else { return };
            let now = clock.now();
            // After a long stall, several beats are waiting.
            board.note_beats([first].into_iter().chain(std::iter::from_fn(|| pulse.try_next())), now);
            board.publish(now);
        }
        pulse.want(false);
        board.publish(clock.now());
    }
}

#[cfg(test)]
mod tests;
