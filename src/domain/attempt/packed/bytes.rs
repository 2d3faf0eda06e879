//! Numbers as bytes, exactly: small ones take few.

use crate::domain::time::Nanos;

/// Seven bits a byte; the eighth says that more follow.
const MORE: u8 = 0x80;

/// Puts one behind the other.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// What was put.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn number(&mut self, number: impl Into<u128>) {
        let mut rest = number.into();
        while rest >= u128::from(MORE) {
            self.byte(rest as u8 | MORE);
            rest >>= 7;
        }
        self.byte(rest as u8);
    }

    pub fn option(&mut self, number: Option<impl Into<u128>>) {
        // One more than the greatest of 64 bits still has its place.
        self.number(number.map_or(0, |n| n.into() + 1));
    }

    /// A time that is not far from another one, to either side.
    pub fn time(&mut self, at: Nanos, near: Nanos) {
        self.number(folded(at, near));
    }

    pub fn time_option(&mut self, at: Option<Nanos>, near: Nanos) {
        self.option(at.map(|at| folded(at, near)));
    }

    pub fn float(&mut self, value: f64) {
        self.0.extend(value.to_bits().to_le_bytes());
    }

    pub fn float_option(&mut self, value: Option<f64>) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            self.float(value);
        }
    }

    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.as_bytes());
    }
}

/// The distance between two times with its sign in the lowest bit: what is near is small, before as well as after.
const fn folded(at: Nanos, near: Nanos) -> u64 {
    let distance = at.0.wrapping_sub(near.0).cast_signed();
    ((distance << 1) ^ (distance >> 63)).cast_unsigned()
}

/// Takes them in the order in which they were put. What is not there is zero, and empty.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn wide(&mut self) -> u128 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u128::from(byte & !MORE) << shift;
            shift += 7;
            if byte & MORE == 0 || shift > 120 {
                return number;
            }
        }
    }

    pub fn number(&mut self) -> u64 {
        self.wide() as u64
    }

    pub fn option(&mut self) -> Option<u64> {
        self.wide().checked_sub(1).map(|n| n as u64)
    }

    pub fn time(&mut self, near: Nanos) -> Nanos {
        unfolded(self.number(), near)
    }

    pub fn time_option(&mut self, near: Nanos) -> Option<Nanos> {
        self.option().map(|folded| unfolded(folded, near))
    }

    pub fn float(&mut self) -> f64 {
        let Some((bits, rest)) = self.0.split_first_chunk() else { return 0.0 };
        self.0 = rest;
        f64::from_bits(u64::from_le_bytes(*bits))
    }

    pub fn float_option(&mut self) -> Option<f64> {
        (self.byte() != 0).then(|| self.float())
    }

    pub fn text(&mut self) -> &'a str {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        str::from_utf8(text).unwrap_or_default()
    }
}

const fn unfolded(folded: u64, near: Nanos) -> Nanos {
    let distance = (folded >> 1) ^ (folded & 1).wrapping_neg();
    Nanos(near.0.wrapping_add(distance))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_small_takes_few_bytes_and_nothing_is_zero() {
        let length = |put: fn(&mut Writer)| {
            let mut out = Writer::default();
            put(&mut out);
            out.into_bytes().len()
        };
        assert_eq!(length(|out| out.number(127_u8)), 1);
        assert_eq!(length(|out| out.number(128_u8)), 2);
        assert_eq!(length(|out| out.time(Nanos(90), Nanos(100))), 1);
        assert_eq!(length(|out| out.option(None::<u64>)), 1);
        let mut empty = Reader(&[]);
        assert_eq!((empty.number(), empty.option(), empty.text(), empty.float().to_bits()), (0, None, "", 0));
        // A length that is a lie.
        assert_eq!(Reader(&[200, 1, b'a']).text(), "a");
    }

    proptest! {
        #[test]
        fn they_are_read_as_they_were_put(
            (number, option, near) in (any::<u64>(), any::<Option<u64>>(), any::<u64>()),
            (at, float, bits, text) in (any::<Option<u64>>(), any::<Option<u64>>(), any::<u64>(), any::<String>()),
        ) {
            let (near, at, float) = (Nanos(near), at.map(Nanos), float.map(f64::from_bits));
            let mut out = Writer::default();
            out.number(number);
            out.option(option);
            out.time(Nanos(number), near);
            out.time_option(at, near);
            out.float(f64::from_bits(bits));
            out.float_option(float);
            out.text(&text);
            let bytes = out.into_bytes();
            let mut back = Reader(&bytes);
            prop_assert_eq!((back.number(), back.option(), back.time(near)), (number, option, Nanos(number)));
            prop_assert_eq!((back.time_option(near), back.float().to_bits()), (at, bits));
            prop_assert_eq!(back.float_option().map(f64::to_bits), float.map(f64::to_bits));
            prop_assert_eq!((back.text(), back.0), (text.as_str(), &[][..]));
        }
    }
}
