//! Checks whether a terminal can show the dashboard.

use ratatui::layout::Size;

use crate::ui::outlet::Standard;

/// Reason why the terminal on stdout cannot show the dashboard; `None` if it can.
pub fn unusable(env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    // Windows consoles do not set `TERM`.
    let kind = if cfg!(unix) { env("TERM") } else { Some("console".to_owned()) };
    let size = crossterm::terminal::size().map(|(width, height)| Size { width, height });
    obstacle(kind.as_deref(), size.ok(), size_from_environment(env))
}

/// Reason why a terminal cannot show the dashboard. `kind` is the value of `TERM`, `reported` its size from the system,
/// `named` the size from the environment.
fn obstacle(kind: Option<&str>, reported: Option<Size>, named: Option<Size>) -> Option<String> {
    match kind.unwrap_or_default() {
        "" => return Some("TERM is not set; set it to the terminal's type".to_owned()),
        "dumb" => return Some("TERM=dumb has no cursor control".to_owned()),
        _ => {}
    }
    let is_known = reported.is_some_and(|size| size.width > 0 && size.height > 0) || named.is_some();
    (!is_known).then(|| "the terminal reports no size; set COLUMNS and LINES".to_owned())
}

/// Size from `COLUMNS` and `LINES`, if both are set.
pub(super) fn size_from_environment(env: impl Fn(&str) -> Option<String>) -> Option<Size> {
    let number = |name| env(name)?.trim().parse().ok().filter(|n: &u16| *n > 0);
    Some(Size { width: number("COLUMNS")?, height: number("LINES")? })
}

/// Whether a stream accepts a short text at once; true if the system cannot say.
pub(super) fn has_room(stream: Standard) -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;

        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let file = if stream == Standard::Out { stdout.as_fd() } else { stderr.as_fd() };
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::from_borrowed_fd(file, PollFlags::OUT)], Some(&at_once)) != Ok(0)
    }
    #[cfg(not(unix))]
    {
        let _not_reported = stream;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_needs_a_terminal_that_moves_its_cursor_and_has_a_size() {
        let (small, none) = (Some(Size::new(80, 24)), Some(Size::new(0, 0)));
        assert_eq!(obstacle(Some("xterm"), small, None), None);
        for kind in [None, Some("")] {
            assert!(obstacle(kind, small, None).is_some_and(|why| why.contains("TERM is not set")));
        }
        assert!(obstacle(Some("dumb"), small, None).is_some_and(|why| why.contains("TERM=dumb")));
        for reported in [none, None] {
            assert!(obstacle(Some("xterm"), reported, None).is_some_and(|why| why.contains("COLUMNS and LINES")));
            assert_eq!(obstacle(Some("xterm"), reported, small), None);
        }
    }

    #[test]
    fn columns_and_lines_count_only_together() {
        let size = |columns: &'static str, lines: &'static str| {
            size_from_environment(move |name| Some(if name == "COLUMNS" { columns } else { lines }.to_owned()))
        };
        assert_eq!(size("100", " 30 "), Some(Size::new(100, 30)));
        for (columns, lines) in [("0", "30"), ("100", ""), ("wide", "30"), ("-1", "30"), ("70000", "30")] {
            assert_eq!(size(columns, lines), None);
        }
    }
}
