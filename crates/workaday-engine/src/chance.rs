//! Randomness as an input: jitter is drawn here, so a seed replays a run.

use workaday_core::retry::Chance;

/// A source of numbers in `[0, 1)`.
pub trait Random: Send {
    fn draw(&mut self) -> Chance;
}

/// A seeded source (fastrand's wyrand); seed it from the system in production, from a constant in tests.
pub struct Seeded(fastrand::Rng);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }
    /// A seed from the system, for production.
    pub fn from_system() -> Self {
        Self(fastrand::Rng::new())
    }
}

impl Random for Seeded {
    fn draw(&mut self) -> Chance {
        Chance(self.0.f64())
    }
}
