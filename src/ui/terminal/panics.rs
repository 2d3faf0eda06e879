//! Panics while the screen is in use: the terminal is given back first, and messages wait until the screen is free.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::takeover::{ENTERED, leave};
use super::usable;
use crate::domain::text::sanitise;
use crate::ui::outlet::Standard;

/// Panic messages of other threads, held back until the screen is free again.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Makes a panic on this thread give the terminal back before the message is printed. Messages of other threads are
/// held back while the screen is in use, because they would be printed across it. Messages are also held back while
/// stderr accepts nothing, because printing would block the exit.
pub fn install_panic_hook() {
    let screen_thread = std::thread::current().id();
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_screen_thread = std::thread::current().id() == screen_thread;
        if is_screen_thread {
            let _report_the_panic_instead = leave();
        }
        let in_use = ENTERED.load(Ordering::SeqCst) != 0;
        if (is_screen_thread || !in_use) && usable::has_room(Standard::Err) {
            return print(panic);
        }
        if let Ok(mut held_back) = HELD_BACK.lock() {
            let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
            held_back.push(format!("thread '{thread}': {panic}"));
        }
    }));
}

/// Prints the messages that were held back. Call it once the screen is free.
pub fn print_held_back_panics(to: &mut impl Write) {
    let lines = HELD_BACK.lock().map(|mut held_back| std::mem::take(&mut *held_back)).unwrap_or_default();
    for line in lines {
        // The message may repeat text from a server.
        drop(writeln!(to, "tokscope: {}", sanitise(&line)));
    }
}
