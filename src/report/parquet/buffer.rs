//! Buffer between the Parquet library and the destination.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Memory that one owner writes and another empties. The library needs a `Send` destination, which exports are not.
#[derive(Clone, Default)]
pub struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    /// Moves the content to `to`.
    ///
    /// # Errors
    ///
    /// `to` does not accept it.
    pub fn drain_to(&self, to: &mut dyn Write) -> io::Result<()> {
        let content = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        to.write_all(&content)
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
