//! Vectors of an answer, checked while they are read.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Bytes of a number in a base64 vector.
const NUMBER_BYTES: usize = 4;
/// Characters of base64 to decode at a time; a multiple of 16, which makes 12 bytes or three numbers.
const BLOCK: usize = 16 * 256;

/// A vector, of which only the length and a fault are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector {
    length: usize,
    fault: Option<&'static str>,
}

impl Vector {
    /// Number of dimensions.
    ///
    /// # Errors
    ///
    /// If a number is missing or not finite. The reason follows the name of the vector.
    pub fn length(self) -> Result<usize, &'static str> {
        self.fault.map_or(Ok(self.length), Err)
    }

    /// Reads numbers as base64 of their little-endian bytes (`encoding_format: "base64"`).
    fn from_base64(text: &str) -> Self {
        let mut bytes = [0_u8; BLOCK];
        let mut vector = Self { length: 0, fault: None };
        for block in text.as_bytes().chunks(BLOCK) {
            let Ok(length) = BASE64_STANDARD.decode_slice(block, &mut bytes) else {
                return Self { fault: Some("is not base64"), ..vector };
            };
            let decoded = bytes.get(..length).unwrap_or_default();
            let (numbers, rest) = decoded.as_chunks::<NUMBER_BYTES>();
            if !rest.is_empty() {
                return Self { fault: Some("is base64 of an incomplete number"), ..vector };
            }
            vector.length += numbers.len();
            if !numbers.iter().all(|number| f32::from_le_bytes(*number).is_finite()) {
                vector.fault = Some(NOT_FINITE);
            }
        }
        vector
    }
}

const NOT_FINITE: &str = "has a number that is not finite";
const NO_NUMBER: &str = "has an element that is not a number";

/// An element of a vector. JSON has no NaN, so servers write `null` for it.
struct Element(Option<&'static str>);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Element, E> {
        Ok(Element((!number.is_finite()).then_some(NOT_FINITE)))
    }

    fn visit_u64<E>(self, _number: u64) -> Result<Element, E> {
        Ok(Element(None))
    }

    fn visit_i64<E>(self, _number: i64) -> Result<Element, E> {
        Ok(Element(None))
    }

    fn visit_unit<E>(self) -> Result<Element, E> {
        Ok(Element(Some(NOT_FINITE)))
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Element, E> {
        Ok(Element(Some(NO_NUMBER)))
    }

    fn visit_str<E>(self, _text: &str) -> Result<Element, E> {
        Ok(Element(Some(NO_NUMBER)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element(Some("has a vector for each token; pass a model with pooling")))
    }
}

struct VectorVisitor;

impl<'de> Visitor<'de> for VectorVisitor {
    type Value = Vector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers, or base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vector, E> {
        Ok(Vector::from_base64(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vector, A::Error> {
        let mut vector = Vector { length: 0, fault: None };
        while let Some(Element(fault)) = list.next_element::<Element>()? {
            vector.length += 1;
            vector.fault = vector.fault.or(fault);
        }
        Ok(vector)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Vector, E> {
        Err(E::custom("an embedding is null"))
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VectorVisitor)
    }
}
