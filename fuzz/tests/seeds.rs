//! Calls each parser with randomly changed copies of its seeds.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use picus_fuzz::TARGETS;

const TIME_FOR_EACH: Duration = Duration::from_secs(1);
/// The most changes to one input.
const MAX_CHANGES: usize = 8;
const MAX_BYTES: usize = 4096;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn changed(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.choice(seeds).unwrap().clone();
    for _ in 0..rng.usize(..=MAX_CHANGES) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(1..16)).min(bytes.len());
        match rng.u8(..5) {
            0 if at < bytes.len() => bytes[at] = rng.u8(..),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].repeat(rng.usize(1..4));
                drop(bytes.splice(at..at, piece));
            }
            3 => {
                let other = rng.choice(seeds).unwrap();
                let from = rng.usize(..=other.len());
                let to = (from + rng.usize(1..32)).min(other.len());
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
            _ => bytes.insert(at, *rng.choice(b"{}[]()\":,;=%\\/|\n 0e-".as_slice()).unwrap()),
        }
        bytes.truncate(MAX_BYTES);
    }
    bytes
}

#[test]
fn no_parser_breaks_its_promises_for_changed_seeds() {
    let seed = fastrand::u64(..);
    let mut rng = Rng::with_seed(seed);
    for target in TARGETS {
        let seeds = seeds(target.name);
        let mut inputs = seeds.clone();
        let until = Instant::now() + TIME_FOR_EACH;
        while let Some(input) = inputs.pop() {
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.check)(&input)));
            let input = input.escape_ascii();
            assert!(outcome.is_ok(), "{} (seed {seed}) fails for: {input}", target.name);
            if inputs.is_empty() && Instant::now() < until {
                inputs.push(changed(&mut rng, &seeds));
            }
        }
    }
}
