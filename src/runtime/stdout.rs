//! Writes the output of a command to stdout.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use anyhow::Context;

use crate::ui::terminal;

/// Returns the width of the terminal, columns; `None` if stdout is not a terminal.
pub fn terminal_columns() -> Option<usize> {
    io::stdout().is_terminal().then(terminal::columns).flatten()
}

/// Writes all bytes. A full disk is an error; a reader that has closed the stream is not.
pub fn write(bytes: &[u8]) -> anyhow::Result<()> {
    write_with(|to| to.write_all(bytes))
}

/// Writes what `write` writes, piece by piece; see [`write()`].
pub fn write_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    write_to(&mut BufWriter::with_capacity(1 << 16, io::stdout().lock()), write)
}

fn write_to(to: &mut impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    match write(to).and_then(|()| to.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e).context("stdout cannot be written"),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error_and_a_full_disk_is() {
        assert!(write_to(&mut Failing(ErrorKind::BrokenPipe), |to| to.write_all(b"x")).is_ok());
        let why = write_to(&mut Failing(ErrorKind::StorageFull), |to| to.write_all(b"x")).unwrap_err();
        assert_eq!(why.to_string(), "stdout cannot be written");
    }
}
