//! What a card is called, and where the bus has it.

use std::fs;
use std::path::Path;

use super::text;
use crate::domain::text::sanitise_line;

/// Where the bus has it, like `0000:03:00.0`.
pub(super) fn slot(device: &Path) -> Option<String> {
    let told = fs::read_to_string(device.join("uevent")).ok()?;
    told.lines().find_map(|line| line.strip_prefix("PCI_SLOT_NAME=")).map(sanitise_line)
}

/// Its name as the card has it, else as the driver's library has it for its numbers, else the numbers.
pub(super) fn product_name(device: &Path, ids: &Path) -> String {
    if let Some(name) = text(&device.join("product_name")) {
        return name;
    }
    let hex = |file: &str| Some(text(&device.join(file))?.trim_start_matches("0x").to_ascii_lowercase());
    let Some(id) = hex("device") else { return "AMD GPU".to_owned() };
    let known = hex("revision").and_then(|revision| named(&fs::read_to_string(ids).ok()?, &id, &revision));
    known.unwrap_or_else(|| format!("AMD 1002:{id}"))
}

/// The name in a list of lines `device, revision, name`, the numbers in hexadecimal digits.
fn named(list: &str, id: &str, revision: &str) -> Option<String> {
    list.lines().find_map(|line| {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let is_it = fields.next()?.eq_ignore_ascii_case(id) && fields.next()?.eq_ignore_ascii_case(revision);
        is_it.then(|| fields.next().map(sanitise_line)).flatten()
    })
}
