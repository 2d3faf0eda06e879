//! Generated images. Threads of their own make them ahead of the requests, because encoding would delay a request's start.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;

use crate::domain::media::{GeneratedImages, Media};
use crate::domain::random::mix;
use crate::workload::image::generate;

/// Maximum requests whose images are made ahead.
const MAX_AHEAD: u64 = 8;
/// Maximum pixels that are made ahead, if a single request does not have more.
const MAX_PIXELS_AHEAD: u64 = 32 * 1024 * 1024;

type Made = Result<Vec<Media>, String>;

/// Generated images of a run.
pub struct Images {
    /// Makes images differ between runs; `None` in a warm run, in which all requests of a case have the same images.
    salt: Option<u64>,
    /// Images of the next requests, by their sizes.
    queues: Vec<(Vec<GeneratedImages>, Receiver<Made>)>,
    /// Images of each case in a warm run.
    of_cases: HashMap<usize, Vec<Media>>,
}

impl Images {
    /// Images of a run with this salt.
    pub fn new(salt: Option<u64>) -> Self {
        Self { salt, queues: Vec::new(), of_cases: HashMap::new() }
    }

    /// Returns the images of the next request of a case. `sent` is the number of attempts so far, so that a resumed run has
    /// other images than before.
    ///
    /// # Errors
    ///
    /// If the images cannot be made, in one sentence.
    pub fn next(&mut self, case: usize, images: &[GeneratedImages], sent: impl FnOnce() -> usize) -> Made {
        let Some(salt) = self.salt else {
            if let Some(known) = self.of_cases.get(&case) {
                return Ok(known.clone());
            }
            let made = make(images, mix(case as u64))?;
            self.of_cases.insert(case, made.clone());
            return Ok(made);
        };
        let known = self.queues.iter().position(|(own, _)| own == images);
        let at = if let Some(at) = known {
            at
        } else {
            let first = mix(salt ^ mix(sent() as u64));
            self.queues.push((images.to_vec(), start(images.to_vec(), first)?));
            self.queues.len() - 1
        };
        let made = self.queues.get(at).and_then(|(_, queue)| queue.recv().ok());
        made.unwrap_or_else(|| Err("the thread that generates images is gone".to_owned()))
    }
}

/// Starts a thread that makes images, a few requests ahead. It ends once the receiver is dropped.
fn start(images: Vec<GeneratedImages>, first: u64) -> Result<Receiver<Made>, String> {
    let pixels: u64 = images.iter().map(GeneratedImages::pixels).sum();
    let ahead = (MAX_PIXELS_AHEAD / pixels.max(1)).clamp(1, MAX_AHEAD);
    let (sender, receiver) = sync_channel(usize::try_from(ahead).unwrap_or(1));
    let work = move || {
        let mut index = first;
        while sender.send(make(&images, index)).is_ok() {
            index = index.wrapping_add(1);
        }
    };
    let thread = Builder::new().name("images".to_owned()).spawn(work);
    thread.map_err(|e| format!("the thread that generates images did not start: {e}"))?;
    Ok(receiver)
}

fn make(images: &[GeneratedImages], index: u64) -> Made {
    let made: Result<Vec<_>, String> = images.iter().map(|images| generate(*images, index)).collect();
    made.map(|made| made.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Vec<GeneratedImages> {
        vec!["8x8*2".parse().unwrap()]
    }

    /// Whether no image is there twice.
    fn are_distinct(all: &[Media]) -> bool {
        all.iter().enumerate().all(|(at, media)| !all[..at].contains(media))
    }

    #[test]
    fn requests_and_runs_have_images_of_their_own() {
        let mut all = Vec::new();
        for (salt, sent) in [(1, 0), (1, 30), (2, 0)] {
            let mut images = Images::new(Some(salt));
            for _ in 0..20 {
                all.extend(images.next(0, &sizes(), || sent).unwrap());
            }
        }
        assert_eq!(all.len(), 120);
        assert!(are_distinct(&all));
    }

    #[test]
    fn a_warm_run_repeats_the_images_of_a_case() {
        let (mut one, mut other) = (Images::new(None), Images::new(None));
        let first = one.next(0, &sizes(), || 0).unwrap();
        assert_eq!(one.next(0, &sizes(), || 5).unwrap(), first);
        assert_eq!(other.next(0, &sizes(), || 0).unwrap(), first);
        assert!(are_distinct(&[first, one.next(1, &sizes(), || 0).unwrap()].concat()));
    }
}
