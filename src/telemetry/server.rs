//! The server's own gauges, read from its page of metrics on a thread of their own.

mod search;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{channel, sync_channel};
use std::time::Duration;

use super::Sampler;
use super::page::Fetcher;
use super::sampling_loop::attend;
use super::ticker::Ticker;
use crate::domain::server_gauges::GaugeEvent;
use crate::domain::time::Nanos;
use crate::protocol::server_metrics::{self, ServerPage};
use crate::protocol::url::without_secrets;
use search::Search;

/// A look costs the server something: never more often.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Starts to read the first of these addresses that has metrics of a server, with a client made from `client`. `now` is the
/// run's clock; `sink` gets every event, from the reader's thread. The handle is used like that of the GPUs: no call waits for
/// the server.
pub fn watch_server<Sink: Fn(GaugeEvent) + Send + 'static>(
    addresses: Vec<String>,
    client: reqwest::ClientBuilder,
    interval: Duration,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: Sink,
) -> Sampler {
    let (commands, inbox) = channel();
    // The sink follows the thread, so that it is still here when there is none.
    let (give, take) = sync_channel::<Sink>(1);
    let thread = move || {
        let Ok(sink) = take.recv() else { return };
        let ended = catch_unwind(AssertUnwindSafe(|| match Reader::new(addresses, client, interval, &now, &sink) {
            Ok(mut reader) => {
                let mut pace = Ticker::new(reader.interval);
                attend(&inbox, &mut pace, &now, |asked| reader.look(asked));
            }
            Err(why) => sink(GaugeEvent::Absent(why)),
        }));
        if ended.is_err() {
            sink(GaugeEvent::Absent("an internal error ended the reading of the metrics".to_owned()));
        }
    };
    match std::thread::Builder::new().name("metrics".to_owned()).spawn(thread) {
        Ok(_) => drop(give.send(sink)),
        Err(error) => sink(GaugeEvent::Absent(format!("the thread that reads metrics did not start: {error}"))),
    }
    Sampler { commands }
}

/// What the thread knows.
struct Reader<'a> {
    addresses: Vec<String>,
    /// The one of them that has the page.
    found: Option<usize>,
    search: Search,
    /// Why none has, as it was told.
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
        let interval = interval.max(SHORTEST_INTERVAL);
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

    /// A look that was requested stands where nothing is measured: it may ask all addresses, a tick asks one at most.
    fn look(&mut self, asked: bool) {
        if let Some(at) = self.found {
            return self.look_again(at);
        }
        if asked {
            self.search.begin();
        }
        for _ in 0..if asked { self.addresses.len() } else { 1 } {
            if self.found.is_none() {
                self.ask();
            }
        }
    }

    /// Asks the address whose turn it is for the page.
    fn ask(&mut self) {
        let Some(at) = self.search.turn((self.now)()) else { return };
        match self.read(at) {
            Ok((when, told)) => {
                self.found = Some(at);
                let interval_ms = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
                let (kind, url, warning) = (told.kind.into(), self.name(at), told.warning.map(Into::into));
                (self.sink)(GaugeEvent::Found { kind, url, interval_ms, warning });
                (self.sink)(GaugeEvent::Sample(when, Box::new(told.gauges)));
            }
            Err(why) => {
                self.search.miss(format!("{}: {why}", self.name(at)), (self.now)());
                self.tell_absent();
            }
        }
    }

    /// Says why none has a page, where that is news.
    fn tell_absent(&mut self) {
        let Some(why) = self.search.why().filter(|why| self.absent.as_ref() != Some(why)) else { return };
        self.absent = Some(why.clone());
        (self.sink)(GaugeEvent::Absent(why));
    }

    fn look_again(&self, at: usize) {
        (self.sink)(match self.read(at) {
            Ok((when, told)) => GaugeEvent::Sample(when, Box::new(told.gauges)),
            Err(why) => GaugeEvent::Gap((self.now)(), why),
        });
    }

    /// What the page says, and when it was there.
    fn read(&self, at: usize) -> Result<(Nanos, ServerPage), String> {
        let url = self.addresses.get(at).map(String::as_str).unwrap_or_default();
        let page = self.fetcher.fetch(url).map_err(|why| match why.as_str() {
            "HTTP 401" | "HTTP 403" => format!("{why}; pass --server-metrics-auth to send the API key"),
            _ => why,
        })?;
        let when = (self.now)();
        let told = server_metrics::read(&page);
        told.map(|told| (when, told)).ok_or_else(|| "the page has no metrics of a server that is known".to_owned())
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

    /// Longer than any test takes: it ends a wait that would not end.
    const LIMIT: Duration = Duration::from_secs(60);

    fn plain() -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy()
    }

    /// Answers each request with the next of these, head and all, then with nothing: the connection ends.
    fn pages(answers: Vec<String>) -> String {
        serve_answers(answers).0
    }

    /// The same, and the path of each request, told before it is answered.
    fn serve_answers(answers: Vec<String>) -> (String, Receiver<String>) {
        let (tell, paths) = channel();
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
                let _nobody_asks = tell.send(head.split(' ').nth(1).unwrap_or_default().to_owned());
                let _gone = wire.write_all(answers.next().unwrap_or_default().as_bytes());
            }
        });
        (address, paths)
    }

    fn page(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// The events of so many looks, a second apart by the run's clock.
    fn events(addresses: Vec<String>, looks: u64) -> Vec<GaugeEvent> {
        let (sink, events) = channel();
        let clock = AtomicU64::new(0);
        let now = move || Nanos::from_millis(clock.fetch_add(1, SeqCst));
        let reader = watch_server(addresses, plain(), LIMIT, now, move |event| drop(sink.send(event)));
        for _ in 0..looks {
            assert!(reader.sample_and_wait(LIMIT));
        }
        drop(reader);
        events.iter().collect()
    }

    #[test]
    fn the_first_address_with_metrics_is_the_one() {
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
    fn a_panic_costs_the_figures_and_says_so() {
        let (sink, events) = channel();
        let now = || panic!("while the metrics are read");
        let reader = watch_server(vec!["http://127.0.0.1:1/metrics".to_owned()], plain(), LIMIT, now, move |event| {
            drop(sink.send(event));
        });
        assert!(!reader.sample_and_wait(LIMIT));
        let [GaugeEvent::Absent(why)] = &*events.iter().collect::<Vec<_>>() else { panic!("something else") };
        assert_eq!(why, "an internal error ended the reading of the metrics");
    }

    #[test]
    fn where_there_is_none_each_address_says_why() {
        let address = pages(vec![page("404 Not Found", "no"), page("200 OK", "<html>")]);
        let events = events(vec![format!("{address}/metrics?key=secret"), format!("{address}/b")], 1);
        let [GaugeEvent::Absent(why)] = events.as_slice() else { panic!("{events:?}") };
        let expected =
            format!("{address}/metrics: HTTP 404; {address}/b: the page has no metrics of a server that is known");
        assert_eq!(why, &expected);
    }

    #[test]
    fn a_page_that_wants_a_key_says_how_to_send_it_and_a_redirect_takes_none_along() {
        let redirect = "HTTP/1.1 302 Found\r\nlocation: /b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let (address, paths) = serve_answers(vec![page("401 Unauthorized", ""), redirect.to_owned()]);
        let events = events(vec![format!("{address}/a"), format!("{address}/c")], 1);
        let [GaugeEvent::Absent(why)] = events.as_slice() else { panic!("{events:?}") };
        let wants = format!("{address}/a: HTTP 401; pass --server-metrics-auth to send the API key");
        assert_eq!(why, &format!("{wants}; {address}/c: HTTP 302"));
        assert_eq!(paths.try_iter().collect::<Vec<_>>(), ["/a", "/c"]);
    }

    #[test]
    fn what_is_not_found_is_looked_for_one_request_a_tick_and_ever_more_seldom() {
        let found = "llamacpp:requests_processing 1\n";
        let none = || page("404 Not Found", "");
        let answers = [none(), none(), page("503 Service Unavailable", ""), none(), none(), page("200 OK", found)];
        let (address, paths) = serve_answers(answers.into_iter().chain([page("200 OK", found)]).collect());
        let (clock, told) = (Cell::new(Nanos::default()), RefCell::new(Vec::new()));
        let (now, sink) = (|| clock.get(), |event| told.borrow_mut().push(event));
        let addresses = vec![format!("{address}/a"), format!("{address}/b")];
        let mut reader = Reader::new(addresses, plain(), SHORTEST_INTERVAL, &now, &sink).unwrap();
        let mut asked = Vec::new();
        for second in 0..40_u64 {
            clock.set(Nanos::from_millis(second * 1000));
            reader.look(false);
            asked.extend(paths.try_iter().map(|path| (second, path)));
        }
        let expected = [(0, "/a"), (1, "/b"), (6, "/a"), (7, "/b"), (37, "/a"), (38, "/b"), (39, "/b")];
        assert_eq!(asked, expected.map(|(second, path)| (second, path.to_owned())));
        let why = |a, b| GaugeEvent::Absent(format!("{address}/a: HTTP {a}; {address}/b: HTTP {b}"));
        let told = told.borrow();
        assert_eq!(told[..3], [why(404, 404), why(503, 404), why(404, 404)], "always as it was last");
        assert!(matches!(told[3..], [GaugeEvent::Found { .. }, GaugeEvent::Sample(..), GaugeEvent::Sample(..)]));
    }

    #[test]
    fn a_look_that_is_requested_asks_all_of_them_and_does_not_wait_for_the_end_of_a_rest() {
        let (address, paths) = serve_answers((0..9).map(|_| page("404 Not Found", "")).collect());
        let (now, sink) = (Nanos::default, |_| ());
        let addresses = vec![format!("{address}/a"), format!("{address}/b")];
        let mut reader = Reader::new(addresses, plain(), SHORTEST_INTERVAL, &now, &sink).unwrap();
        for (is_requested, expected) in [(false, 1), (true, 2), (false, 0), (true, 2)] {
            reader.look(is_requested);
            assert_eq!(paths.try_iter().count(), expected);
        }
    }
}
