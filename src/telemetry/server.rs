//! Samples the server's metrics from its metrics page, on a separate thread.

mod search;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{channel, sync_channel};
use std::time::Duration;

use super::Sampler;
use super::page::Fetcher;
use super::sampling_loop::run_loop;
use super::ticker::Ticker;
use crate::domain::server_gauges::GaugeEvent;
use crate::domain::time::Nanos;
use crate::protocol::server_metrics::{self, ServerPage};
use crate::protocol::url::without_secrets;
use search::Search;

/// Minimum interval between reads: each read costs the server some work.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Starts a thread that reads the first of these addresses that has metrics of a known server, through `client`. `now`
/// reads the run's clock. `sink` receives every event, on that thread. No call on the handle waits for the server.
pub fn watch_server<Sink: Fn(GaugeEvent) + Send + 'static>(
    addresses: Vec<String>,
    client: reqwest::ClientBuilder,
    interval: Duration,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: Sink,
) -> Sampler {
    let (commands, inbox) = channel();
    // Pass the sink on only after the thread was started: if starting fails, the sink must report this.
    let (sink_sender, sink_receiver) = sync_channel::<Sink>(1);
    let thread = move || {
        let Ok(sink) = sink_receiver.recv() else { return };
        let ended = catch_unwind(AssertUnwindSafe(|| match Reader::new(addresses, client, interval, &now, &sink) {
            Ok(mut reader) => {
                let mut ticker = Ticker::new(reader.interval);
                run_loop(&inbox, &mut ticker, &now, |requested| reader.sample(requested));
            }
            Err(why) => sink(GaugeEvent::Absent(why)),
        }));
        if ended.is_err() {
            sink(GaugeEvent::Absent("reading server metrics stopped after an internal error".to_owned()));
        }
    };
    match std::thread::Builder::new().name("metrics".to_owned()).spawn(thread) {
        Ok(_) => drop(sink_sender.send(sink)),
        Err(error) => sink(GaugeEvent::Absent(format!("cannot start the thread that reads server metrics: {error}"))),
    }
    Sampler { commands }
}

/// State of the thread.
struct Reader<'a> {
    addresses: Vec<String>,
    /// Index of the address that has the metrics page.
    found: Option<usize>,
    search: Search,
    /// Last reported reason why there is no page.
    absent: Option<String>,
    interval: Duration,
    fetcher: Fetcher,
    now: &'a dyn Fn() -> Nanos,
    sink: &'a dyn Fn(GaugeEvent),
}

impl<'a> Reader<'a> {
    fn new(
        addresses: Vec<String>,
        client: reqwest::ClientBuilder,
        interval: Duration,
        now: &'a dyn Fn() -> Nanos,
        sink: &'a dyn Fn(GaugeEvent),
    ) -> Result<Self, String> {
        let interval = interval.max(MIN_INTERVAL);
        let search = Search::new(addresses.len());
        Ok(Self {
            addresses,
            found: None,
            search,
            absent: None,
            interval,
            fetcher: Fetcher::with_client(client)?,
            now,
            sink,
        })
    }

    /// Samples the page, or searches for it. A requested sample may try all addresses, because nothing is being
    /// measured then. A tick tries at most one.
    fn sample(&mut self, requested: bool) {
        if let Some(at) = self.found {
            return self.sample_found(at);
        }
        if requested {
            self.search.restart();
        }
        for _ in 0..if requested { self.addresses.len() } else { 1 } {
            if self.found.is_none() {
                self.try_next();
            }
        }
    }

    /// Tries the next address of the search.
    fn try_next(&mut self) {
        let Some(at) = self.search.next((self.now)()) else { return };
        match self.read(at) {
            Ok((when, page)) => {
                self.found = Some(at);
                let interval_ms = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
                let (kind, url, warning) = (page.kind.into(), self.name(at), page.warning.map(Into::into));
                (self.sink)(GaugeEvent::Found { kind, url, interval_ms, warning });
                (self.sink)(GaugeEvent::Sample(when, Box::new(page.gauges)));
            }
            Err(why) => {
                self.search.record_failure(format!("{}: {why}", self.name(at)), (self.now)());
                self.report_absence();
            }
        }
    }

    /// Reports why there is no page, if the reason has changed.
    fn report_absence(&mut self) {
        let Some(why) = self.search.reasons().filter(|why| self.absent.as_ref() != Some(why)) else { return };
        self.absent = Some(why.clone());
        (self.sink)(GaugeEvent::Absent(why));
    }

    fn sample_found(&self, at: usize) {
        (self.sink)(match self.read(at) {
            Ok((when, page)) => GaugeEvent::Sample(when, Box::new(page.gauges)),
            Err(why) => GaugeEvent::Gap((self.now)(), why),
        });
    }

    /// Reads the page. Returns it with the time of the read.
    fn read(&self, at: usize) -> Result<(Nanos, ServerPage), String> {
        let url = self.addresses.get(at).map(String::as_str).unwrap_or_default();
        let page = self.fetcher.fetch(url).map_err(|why| match why.as_str() {
            "HTTP 401" | "HTTP 403" => format!("{why}; pass --server-metrics-auth to send the API key"),
            _ => why,
        })?;
        let when = (self.now)();
        let read = server_metrics::read(&page);
        read.map(|page| (when, page)).ok_or_else(|| "the page has no metrics of a known server".to_owned())
    }

    fn name(&self, at: usize) -> String {
        self.addresses.get(at).map(|url| without_secrets(url)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::cell::{Cell, RefCell};
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::domain::server_gauges::Meter;

    /// Timeout that no passing test reaches.
    const LIMIT: Duration = Duration::from_secs(60);

    fn plain() -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy()
    }

    /// Starts a server that answers each request with the next of these responses. Later connections end without a
    /// response.
    fn pages(answers: Vec<String>) -> String {
        serve_answers(answers).0
    }

    /// Starts a server like [`pages`]. Before it answers a request, it sends the path to the channel.
    fn serve_answers(answers: Vec<String>) -> (String, Receiver<String>) {
        let (path_sender, paths) = channel();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            for mut wire in listener.incoming().flatten() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && wire.read(&mut byte).is_ok_and(|n| n > 0) {
                    head.extend(byte);
                }
                let head = String::from_utf8_lossy(&head);
                let _no_receiver = path_sender.send(head.split(' ').nth(1).unwrap_or_default().to_owned());
                let _closed = wire.write_all(answers.next().unwrap_or_default().as_bytes());
            }
        });
        (address, paths)
    }

    fn page(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// Returns the events of this number of requested samples. The run's clock advances by a millisecond at each
    /// reading.
    fn events(addresses: Vec<String>, samples: u64) -> Vec<GaugeEvent> {
        let (sink, events) = channel();
        let clock = AtomicU64::new(0);
        let now = move || Nanos::from_millis(clock.fetch_add(1, SeqCst));
        let reader = watch_server(addresses, plain(), LIMIT, now, move |event| drop(sink.send(event)));
        for _ in 0..samples {
            assert!(reader.sample_and_wait(LIMIT));
        }
        drop(reader);
        events.iter().collect()
    }

    #[test]
    fn the_first_address_with_metrics_is_used() {
        let address = pages(vec![
            page("404 Not Found", "no"),
            page("200 OK", "go_goroutines 3\n"),
            page("200 OK", "llamacpp:requests_processing 2\n"),
            page("200 OK", "llamacpp:requests_processing 1\n"),
            String::new(),
            page("503 Service Unavailable", ""),
        ]);
        let addresses = vec![format!("{address}/a?key=secret"), format!("{address}/b"), format!("{address}/c")];
        let events = events(addresses, 4);
        let [GaugeEvent::Found { kind: Cow::Borrowed("llama.cpp"), url, warning: Some(_), .. }, rest @ ..] =
            events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!(url, &format!("{address}/c"));
        let running: Vec<_> = rest
            .iter()
            .map(|event| match event {
                GaugeEvent::Sample(_, gauges) => Ok(gauges.get(Meter::Running)),
                GaugeEvent::Gap(_, why) => Err(why.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(running[..2], [Ok(Some(2.0)), Ok(Some(1.0))]);
        assert!(running[2].is_err(), "{running:?}");
        assert_eq!(running[3], Err("HTTP 503".to_owned()));
    }

    #[test]
    fn a_panic_is_reported() {
        let (sink, events) = channel();
        let now = || panic!("while the metrics are read");
        let reader = watch_server(vec!["http://127.0.0.1:1/metrics".to_owned()], plain(), LIMIT, now, move |event| {
            drop(sink.send(event));
        });
        assert!(!reader.sample_and_wait(LIMIT));
        let [GaugeEvent::Absent(why)] = &*events.iter().collect::<Vec<_>>() else { panic!("something else") };
        assert_eq!(why, "reading server metrics stopped after an internal error");
    }

    #[test]
    fn every_address_without_metrics_gives_a_reason() {
        let address = pages(vec![page("404 Not Found", "no"), page("200 OK", "<html>")]);
        let events = events(vec![format!("{address}/metrics?key=secret"), format!("{address}/b")], 1);
        let [GaugeEvent::Absent(why)] = events.as_slice() else { panic!("{events:?}") };
        let expected = format!("{address}/metrics: HTTP 404; {address}/b: the page has no metrics of a known server");
        assert_eq!(why, &expected);
    }

    #[test]
    fn a_page_that_needs_a_key_gives_advice_and_redirects_are_not_followed() {
        let redirect = "HTTP/1.1 302 Found\r\nlocation: /b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let (address, paths) = serve_answers(vec![page("401 Unauthorized", ""), redirect.to_owned()]);
        let events = events(vec![format!("{address}/a"), format!("{address}/c")], 1);
        let [GaugeEvent::Absent(why)] = events.as_slice() else { panic!("{events:?}") };
        let needs_key = format!("{address}/a: HTTP 401; pass --server-metrics-auth to send the API key");
        assert_eq!(why, &format!("{needs_key}; {address}/c: HTTP 302"));
        assert_eq!(paths.try_iter().collect::<Vec<_>>(), ["/a", "/c"]);
    }

    #[test]
    fn the_search_sends_one_request_per_tick_and_slows_down() {
        let found = "llamacpp:requests_processing 1\n";
        let none = || page("404 Not Found", "");
        let answers = [none(), none(), page("503 Service Unavailable", ""), none(), none(), page("200 OK", found)];
        let (address, paths) = serve_answers(answers.into_iter().chain([page("200 OK", found)]).collect());
        let (clock, sent) = (Cell::new(Nanos::default()), RefCell::new(Vec::new()));
        let (now, sink) = (|| clock.get(), |event| sent.borrow_mut().push(event));
        let addresses = vec![format!("{address}/a"), format!("{address}/b")];
        let mut reader = Reader::new(addresses, plain(), MIN_INTERVAL, &now, &sink).unwrap();
        let mut requests = Vec::new();
        for second in 0..40_u64 {
            clock.set(Nanos::from_millis(second * 1000));
            reader.sample(false);
            requests.extend(paths.try_iter().map(|path| (second, path)));
        }
        let expected = [(0, "/a"), (1, "/b"), (6, "/a"), (7, "/b"), (37, "/a"), (38, "/b"), (39, "/b")];
        assert_eq!(requests, expected.map(|(second, path)| (second, path.to_owned())));
        let why = |a, b| GaugeEvent::Absent(format!("{address}/a: HTTP {a}; {address}/b: HTTP {b}"));
        let sent = sent.borrow();
        assert_eq!(sent[..3], [why(404, 404), why(503, 404), why(404, 404)], "each with its latest result");
        assert!(matches!(sent[3..], [GaugeEvent::Found { .. }, GaugeEvent::Sample(..), GaugeEvent::Sample(..)]));
    }

    #[test]
    fn a_requested_sample_tries_all_addresses_at_once() {
        let (address, paths) = serve_answers((0..9).map(|_| page("404 Not Found", "")).collect());
        let (now, sink) = (Nanos::default, |_| ());
        let addresses = vec![format!("{address}/a"), format!("{address}/b")];
        let mut reader = Reader::new(addresses, plain(), MIN_INTERVAL, &now, &sink).unwrap();
        for (is_requested, expected) in [(false, 1), (true, 2), (false, 0), (true, 2)] {
            reader.sample(is_requested);
            assert_eq!(paths.try_iter().count(), expected);
        }
    }
}
