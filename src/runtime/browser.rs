//! Main loop of the browser of saved runs: handles messages, carries out effects and draws.

mod entries;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use anyhow::Context;

use self::worker::{Job, News, Reporter};
use super::clock::Clock;
use super::console::{self, Stderr};
use super::frame_pacer::FramePacer;
use super::playback::PlaybackRun;
use super::signals::{self, Suspension};
use super::spec::ScreenSpec;
use super::wake::Wake;
use super::{interactive, saved};
use crate::app::browser::message::{BrowserEffect, BrowserMsg};
use crate::app::browser::state::Browser;
use crate::app::browser::update::{refresh, update};
use crate::app::message::Msg;
use crate::app::state::text_field::Edit;
use crate::report::compare::Comparison;
use crate::report::journal::Saved;
use crate::ui::browser::{self as drawing, BrowserView, keymap};
use crate::ui::cache::RenderCache;
use crate::ui::input::Input;
use crate::ui::screen;
use crate::ui::terminal::{self, Terminal};
use crate::ui::theme::Themes;

/// Exit status after a signal or the loss of the terminal.
const INTERRUPTED: u8 = 130;

/// Shows the saved runs until the user leaves. Returns the exit status.
pub fn run(look: &ScreenSpec) -> anyhow::Result<u8> {
    let mut browser = Browser::new(look.theme.clone());
    let first = refresh(&mut browser);
    show(browser, Some(first), look)
}

/// Shows the comparison of two runs, named as for `tokscope compare`. Returns the exit status.
pub fn compare(a: &str, b: &str, look: &ScreenSpec) -> anyhow::Result<u8> {
    let comparison = Comparison::new(saved::side(a)?, saved::side(b)?);
    show(Browser::comparison_only(look.theme.clone(), entries::comparison_view(&comparison)), None, look)
}

fn show(browser: Browser, first: Option<BrowserEffect>, look: &ScreenSpec) -> anyhow::Result<u8> {
    let mailbox = channel();
    let folder = match first {
        Some(_) => saved::folder()?,
        None => PathBuf::new(),
    };
    signals::watch(mailbox.0.clone(), Suspension::BySystem);
    console::settle();
    terminal::install_panic_hook();
    let (mut terminal, themes) =
        interactive::enter(&mailbox.0, look).context("the terminal cannot be used; pipe the output to get text")?;
    let session = Session::start(browser, folder, mailbox, &mut terminal, look, themes);
    let outcome = catch_unwind(AssertUnwindSafe(|| session?.show(first)));
    drop(terminal);
    terminal::print_held_back_panics(&mut Stderr::default());
    match outcome {
        // Drawing a frame may notice that the terminal is gone before the signal arrives.
        Ok(Err(error)) if error.downcast_ref().is_some_and(terminal::is_gone) => Ok(INTERRUPTED),
        Ok(shown) => shown,
        Err(panic) => resume_unwind(panic),
    }
}

struct Session<'a> {
    browser: Browser,
    terminal: &'a mut Terminal,
    look: &'a ScreenSpec,
    themes: Themes,
    cache: RenderCache,
    pacer: FramePacer,
    clock: Clock,
    folder: PathBuf,
    /// Both ends of the channel that wakes the main thread; `None` while a dashboard uses them.
    mailbox: Option<(Sender<Wake>, Receiver<Wake>)>,
    reporter: Reporter,
    news: Receiver<News>,
    jobs: Sender<Job>,
    /// Whether a run that the user wants to open is being read.
    is_opening: bool,
}

impl<'a> Session<'a> {
    fn start(
        browser: Browser,
        folder: PathBuf,
        mailbox: (Sender<Wake>, Receiver<Wake>),
        terminal: &'a mut Terminal,
        look: &'a ScreenSpec,
        themes: Themes,
    ) -> anyhow::Result<Self> {
        let (news_sender, news) = channel();
        let reporter = Reporter { news: news_sender, waker: mailbox.0.clone() };
        let (jobs, job_inbox) = channel();
        worker::start(folder.clone(), job_inbox, reporter.clone()).context("no thread for reading runs")?;
        Ok(Self {
            browser,
            terminal,
            look,
            themes,
            cache: RenderCache::default(),
            pacer: FramePacer::new(look.reduced_motion),
            clock: Clock::start(),
            folder,
            mailbox: Some(mailbox),
            reporter,
            news,
            jobs,
            is_opening: false,
        })
    }

    fn show(mut self, first: Option<BrowserEffect>) -> anyhow::Result<u8> {
        // Draw the first frame before any access to the disk.
        self.draw()?;
        if let Some(first) = first {
            self.carry_out(first)?;
        }
        loop {
            let wake = self.wait()?;
            let mut next = wake;
            while let Some(wake) = next {
                if let Some(status) = self.wake(wake)? {
                    return Ok(status);
                }
                next = self.mailbox.as_ref().and_then(|(_, inbox)| inbox.try_recv().ok());
            }
            if self.pacer.is_due(self.clock.now()) {
                if self.terminal.is_idle() {
                    self.draw()?;
                } else {
                    self.pacer.skipped(self.clock.now());
                }
            }
        }
    }

    /// Sleeps until something happens or the next frame is due.
    fn wait(&self) -> anyhow::Result<Option<Wake>> {
        let (_, inbox) = self.mailbox.as_ref().context("the mailbox is in use")?;
        let woken = match self.pacer.patience(self.clock.now(), false, self.terminal.is_idle(), None) {
            None => inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(patience) => inbox.recv_timeout(patience),
        };
        match woken {
            Ok(wake) => Ok(Some(wake)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("all threads are gone"),
        }
    }

    fn wake(&mut self, wake: Wake) -> anyhow::Result<Option<u8>> {
        let msg = match wake {
            Wake::Input(Input::Key(key)) => self.look.browser_keymap.resolve(&self.browser, &key),
            Wake::Input(Input::Paste(text)) => {
                keymap::takes_text(&self.browser).then_some(BrowserMsg::Edit(Edit::Paste(text)))
            }
            Wake::Input(Input::Background(colour)) => {
                self.themes.set_background(colour);
                Some(BrowserMsg::Resized)
            }
            Wake::Input(Input::Resized) => Some(BrowserMsg::Resized),
            Wake::Input(Input::Gone) | Wake::Msg(Msg::Signal(_)) => Some(BrowserMsg::Interrupted),
            Wake::Input(Input::Mouse(_)) | Wake::Msg(_) => None,
            Wake::BrowserNews => return self.take_news(),
            Wake::Written(outcome) => {
                outcome.context("the screen could not be written")?;
                self.terminal.catch_up()?;
                None
            }
            Wake::Suspend => {
                self.suspend()?;
                None
            }
        };
        let Some(msg) = msg else { return Ok(None) };
        self.pacer.ask();
        self.take(msg)
    }

    fn take_news(&mut self) -> anyhow::Result<Option<u8>> {
        while let Ok(news) = self.news.try_recv() {
            let status = match news {
                News::Msg(msg) => self.take(msg)?,
                News::Loaded(Ok(saved)) => self.open(*saved)?,
                News::Loaded(Err(why)) => {
                    self.is_opening = false;
                    self.take(BrowserMsg::Returned(Err(why)))?
                }
            };
            if status.is_some() {
                return Ok(status);
            }
        }
        Ok(None)
    }

    fn take(&mut self, msg: BrowserMsg) -> anyhow::Result<Option<u8>> {
        self.pacer.touch();
        for effect in update(&mut self.browser, msg) {
            if let Some(status) = self.carry_out(effect)? {
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    fn carry_out(&mut self, effect: BrowserEffect) -> anyhow::Result<Option<u8>> {
        let job = match effect {
            BrowserEffect::List(listing) => {
                worker::start_listing(listing, self.folder.clone(), self.reporter.clone())
                    .context("no thread for reading runs")?;
                return Ok(None);
            }
            BrowserEffect::Preview(id) => Job::Preview(id),
            BrowserEffect::Compare(a, b) => Job::Compare(a, b),
            BrowserEffect::Delete(ids) => Job::Delete(ids),
            BrowserEffect::Export(id, format) => Job::Export(id, format),
            BrowserEffect::Open(_) if self.is_opening => return Ok(None),
            BrowserEffect::Open(id) => {
                self.is_opening = true;
                Job::Load(id)
            }
            BrowserEffect::Redraw => {
                self.terminal.repaint()?;
                return Ok(None);
            }
            BrowserEffect::Suspend => {
                self.suspend()?;
                return Ok(None);
            }
            BrowserEffect::Quit(status) => return Ok(Some(status)),
        };
        self.jobs.send(job).ok().context("the thread that reads runs is gone")?;
        Ok(None)
    }

    /// Shows a run in the dashboard until the user leaves it. Returns an exit status if a signal ended the dashboard.
    fn open(&mut self, saved: Saved) -> anyhow::Result<Option<u8>> {
        self.is_opening = false;
        let mailbox = self.mailbox.take().context("the mailbox is in use")?;
        let mut run = PlaybackRun::with_mailbox(saved, Vec::new(), None, mailbox);
        let status = interactive::show_on(&mut run, self.terminal, &mut self.themes, &self.browser.theme, self.look)?;
        self.mailbox = Some(run.into_mailbox());
        if status == INTERRUPTED {
            return Ok(Some(status));
        }
        self.terminal.set_mouse(false)?;
        self.terminal.repaint()?;
        self.take(BrowserMsg::Returned(Ok(())))?;
        // Handle the messages that arrived in the meantime.
        self.take_news()
    }

    fn suspend(&mut self) -> anyhow::Result<()> {
        if cfg!(not(unix)) {
            // No shell of this system could continue a stopped process.
            return Ok(());
        }
        self.terminal.suspend().context("the terminal could not be taken over again")?;
        self.pacer.ask();
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let theme = self.themes.theme(&self.browser.theme);
        let view = BrowserView { browser: &self.browser, theme, keymap: &self.look.browser_keymap, cache: &self.cache };
        let mut extents = self.browser.extents;
        let drawn = self.terminal.draw(|frame| {
            extents = drawing::draw(frame, &view);
            screen::finish(frame, theme, self.look.ascii);
        });
        if drawn.context("the screen could not be drawn")? {
            self.pacer.drawn(self.clock.now());
            let effects = update(&mut self.browser, BrowserMsg::Drawn(extents));
            debug_assert!(effects.is_empty(), "a drawn frame asks for nothing: {effects:?}");
        }
        Ok(())
    }
}
