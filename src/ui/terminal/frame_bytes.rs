//! Collects the bytes of a frame before they are sent to the terminal.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// Memory that the screen is drawn into. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl FrameBytes {
    /// Takes the bytes drawn so far.
    pub(super) fn take(&self) -> Vec<u8> {
        // Reserve as much for the next frame as this one needed.
        let room = self.0.borrow().len();
        self.0.replace(Vec::with_capacity(room))
    }
}

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
